import fp from 'fastify-plugin';
import { shortened } from '../operations/refusal-log.ts';

/** Logs each answer in one line, and names the request in the answer by `X-Request-Id`. */
export const requestLog = fp(
  async (app) => {
    app.addHook('onSend', async (request, reply) => {
      reply.header('x-request-id', request.id);
    });
    app.addHook('onResponse', async (request, reply) => {
      const { method, routeOptions, principal, ip: address } = request;
      if (routeOptions.config.quiet) return;
      const { statusCode: status } = reply;
      // At the level info only refusals, which may mean that a client needs help: changes are in the audit log.
      const level = status < 400 ? 'debug' : 'info';
      const path = shortened(request.url.split('?', 1)[0] ?? '');
      const ms = Math.round(reply.elapsedTime);
      const subject = principal && shortened(principal.subject);
      const write = () => request.log[level]({ method, path, status, ms, subject, address }, 'answered');
      if (status < 400) write();
      else app.logRefusal({ address, kind: request.failedWith ?? status }, write);
    });
  },
  { name: 'request-log', dependencies: ['access', 'problems'] },
);

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Probes ask for it all the time: it is not worth a line in the log. */
    quiet?: boolean;
  }
}
