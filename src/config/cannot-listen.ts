import { AppError } from '../errors.ts';
import { authorityOf } from './authority.ts';

interface Listening {
  readonly host: string;
  readonly port: number;
  /** The setting of the port. The host is SANDPLANE_HOST for all of them. */
  readonly setting: string;
}

/** Turns an error of `net.Server.listen` into one that names the setting to change; returns all other errors as they are. */
export function cannotListen(cause: unknown, { host, port, setting }: Listening): unknown {
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE': {
      const detail = `${setting}: the port ${authorityOf(host, port)} is taken by another program. End that one, or set ${setting} to another port (0 takes a free one).`;
      return new AppError('port_taken', detail, { cause });
    }
    case 'EACCES': {
      const detail = `${setting}: this user may not open the port ${authorityOf(host, port)}. Set ${setting} to 1024 or higher.`;
      return new AppError('config_invalid', detail, { cause });
    }
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN': {
      const detail = `SANDPLANE_HOST: this machine does not have the address ${host}. Set SANDPLANE_HOST to one that it has, as 127.0.0.1, or to 0.0.0.0 for all of them.`;
      return new AppError('config_invalid', detail, { cause });
    }
    default:
      return cause;
  }
}
