import type { RunIdempotently } from '../src/operations/idempotency.ts';
import type { ProjectRemoval } from '../src/sandbox/project-removal.ts';
import type { SandboxService } from '../src/sandbox/service.ts';
import type { Usage } from '../src/sandbox/usage.ts';
import type { ApiKeys } from '../src/tenancy/api-keys.ts';
import type { Audit } from '../src/tenancy/audit.ts';
import type { Projects } from '../src/tenancy/projects.ts';
import type { Validity } from '../src/tenancy/validity.ts';
import type { Watch } from '../src/watch/watch.ts';
import type { WebhookService } from '../src/webhooks/service.ts';

/** What the routes need to do what they are asked for. */
export interface RouteDependencies {
  readonly service: SandboxService;
  readonly watch: Watch;
  readonly projects: Projects;
  readonly removeProject: ProjectRemoval;
  readonly apiKeys: ApiKeys;
  readonly webhooks: WebhookService;
  readonly usage: Usage;
  readonly audit: Audit;
  readonly runIdempotently: RunIdempotently;
  readonly untilInvalid: Validity;
  /** Throws when the store does not answer. */
  readonly checkStore: () => Promise<void>;
}
