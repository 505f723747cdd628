import fp from 'fastify-plugin';

/** Logs each answer in one line, and names the request in the answer by `X-Request-Id`. */
export const requestLog = fp(
  async (app) => {
    app.addHook('onSend', async (request, reply) => {
      reply.header('x-request-id', request.id);
    });
    app.addHook('onResponse', async (request, reply) => {
      const { method, routeOptions, principal, ip: address } = request;
      if (routeOptions.config.quiet) return;
      const [path] = request.url.split('?', 1);
      const { statusCode: status } = reply;
      // At the level info only refusals, which may mean that a client needs help: changes are in the audit log.
      const level = status < 400 ? 'debug' : 'info';
      const ms = Math.round(reply.elapsedTime);
      request.log[level]({ method, path, status, ms, subject: principal?.subject, address }, 'answered');
    });
  },
  { name: 'request-log', dependencies: ['access'] },
);

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Probes ask for it all the time: it is not worth a line in the log. */
    quiet?: boolean;
  }
}
