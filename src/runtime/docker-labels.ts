/** The labels on containers, volumes and networks, by which the runtime finds what exists. */
export const labels = {
  owner: 'io.sandplane.owner',
  sandbox: 'io.sandplane.sandbox',
  project: 'io.sandplane.project',
  /** The name and the labels of the sandbox, as they were at its start: for people and their tools. */
  name: 'io.sandplane.name',
  labelPrefix: 'io.sandplane.label.',
  component: 'io.sandplane.component',
  specHash: 'io.sandplane.spec-hash',
} as const;
