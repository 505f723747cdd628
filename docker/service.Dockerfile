# The service: `node src/server.ts` is the API, `node workers/main.ts` the worker.
# The base needs node 24 and npm; one that brings /app/node_modules along needs no npm and no network.
ARG BASE=node:24-bookworm-slim
FROM ${BASE}
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without install scripts: what they build is optional.
RUN [ -d node_modules ] || npm ci --omit=dev --ignore-scripts
COPY openapi openapi
COPY routes routes
COPY src src
COPY workers workers
# They keep the modes of the clone, which under umask 077 only its owner may read. (COPY --chmod would take BuildKit.)
RUN node -e "for (const name of ['package.json', ...fs.globSync('{openapi,routes,src,workers}{,/**}')]) fs.chmodSync(name, fs.statSync(name).isDirectory() ? 0o755 : 0o644)"
# A new volume takes over the owner of the folder that it is mounted on.
RUN node -e "for (const dir of ['/data', '/cache']) { fs.mkdirSync(dir); fs.chownSync(dir, 65532, 65532); }"
ENV SANDPLANE_DATA_DIR=/data SANDPLANE_CACHE_DIR=/cache
USER 65532:65532
ENTRYPOINT ["node", "--max-semi-space-size=2"]
CMD ["src/server.ts"]
