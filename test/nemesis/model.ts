/** What a client knows of one sandbox that it asked for: what was acknowledged, and what may have happened besides. */
export interface Asked {
  /** The Idempotency-Key of its create, and its label `asked`. */
  readonly key: string;
  readonly body: object;
  /** Null until its create was acknowledged. */
  id: string | null;
  deletion: 'none' | 'sent' | 'acknowledged';
  /** A GET has been answered by 404. It is not asked for again: what may come back of it is looked for on the machine. */
  isGone: boolean;
  /** The values of its label `mark` that it may have: the last that was acknowledged, and all that were sent without an answer. */
  readonly mark: { acknowledged: string | null; readonly maybe: Set<string>; isUnderWay: boolean };
  /** ConfigMaps by name. */
  readonly objects: Map<string, 'there' | 'gone' | 'maybe'>;
  kubeconfig: string | null;
  /** Another program has had its port: it may have moved to another, and its kubeconfig is asked for again. */
  mayHaveMoved: boolean;
  /** Some client has seen that it was ready. */
  wasReady: boolean;
  /** A fault has taken its data away: it may end as failed, but not come back empty. */
  isDataTaken: boolean;
}

export interface Problem {
  readonly kind: 'lost' | 'twice' | 'orphan';
  readonly what: string;
}

/** What all clients of a run have asked for. */
export type Model = Asked[];

export function newAsked(key: string, durability: string): Asked {
  return {
    key,
    body: { name: key, labels: { asked: key }, spec: { durability } },
    id: null,
    deletion: 'none',
    isGone: false,
    mark: { acknowledged: null, maybe: new Set(), isUnderWay: false },
    objects: new Map(),
    kubeconfig: null,
    mayHaveMoved: false,
    wasReady: false,
    isDataTaken: false,
  };
}

/** Those that have an id and were not asked to go. */
export function present(model: Model): (Asked & { id: string })[] {
  return model.filter((one): one is Asked & { id: string } => one.id !== null && one.deletion === 'none');
}

/** Others have these ports now: sandboxes whose API server needs one of them anew may move. */
export function noteMoves(model: Model, taken: readonly number[]): void {
  for (const asked of model) {
    const port = Number(/server: https:.*:(\d+)/.exec(asked.kubeconfig ?? '')?.[1]);
    if (asked.kubeconfig === null || taken.includes(port)) asked.mayHaveMoved = true;
  }
}
