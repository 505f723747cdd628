import t from 'tap';
import { testPodman } from '../support/podman.ts';
import { dockerConformance } from './docker-conformance.ts';

t.setTimeout(300_000);
const daemon = await testPodman();
if (typeof daemon === 'string') t.plan(0, daemon);
else await dockerConformance(t, daemon);
