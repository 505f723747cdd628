import Negotiator from 'negotiator';
import { AppError } from '../errors.ts';

/**
 * The one of `offered` that a client prefers by its Accept, and the first where it has no preference (RFC 9110, 12.5.1).
 * Throws `not_acceptable`.
 */
export function negotiate<MediaType extends string>(
  accept: string | undefined,
  offered: readonly [MediaType, ...MediaType[]],
): MediaType {
  const preferred = new Negotiator({ headers: { accept: accept && withoutParameters(accept) } }).mediaType([
    ...offered,
  ]);
  const found = offered.find((type) => type === preferred);
  if (found) return found;
  throw new AppError('not_acceptable', `It is had as ${offered.join(' or ')}: Accept names none of them.`);
}

/** All but the weights: clients send `charset`, as answers do, which changes nothing here. */
function withoutParameters(accept: string): string {
  const ranges = accept.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';');
    return [type, ...parameters.filter((one) => /^\s*q\s*=/i.test(one))].join(';');
  });
  return ranges.join(',');
}
