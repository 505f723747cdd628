import t from 'tap';
import { testDocker } from '../support/dockerd.ts';
import { dockerConformance } from './docker-conformance.ts';

t.setTimeout(300_000);
const daemon = await testDocker();
if (typeof daemon === 'string') t.plan(0, daemon);
else await dockerConformance(t, daemon);
