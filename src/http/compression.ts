import compress from '@fastify/compress';
import fp from 'fastify-plugin';

const compressFromBytes = 2048;

/** Compresses the answers of routes that may be large. A stream would be held back until there is enough of it. */
export const compression = fp(
  async (app) => {
    app.addHook('onRoute', (route) => {
      if (!route.config?.compressed) route.compress = false;
    });
    await app.register(compress, { threshold: compressFromBytes, encodings: ['gzip', 'deflate'] });
  },
  { name: 'compression' },
);

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its answers may be large and are worth compressing. */
    compressed?: boolean;
  }
}
