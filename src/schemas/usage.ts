import Type from 'typebox';
import { timestamp } from './common.ts';

const counted = {
  sandboxSeconds: Type.Number({ description: 'seconds that sandboxes ran, added up', examples: [86400] }),
  peak: Type.Integer({ description: 'how many ran at the same time at most', examples: [12] }),
};

export const UsageReport = Type.Object(
  {
    project: Type.String({ description: 'whose usage', examples: ['default'] }),
    from: timestamp('begin of the first day counted'),
    to: timestamp('end of the last day counted'),
    total: Type.Object(counted, { description: 'of the whole project' }),
    labels: Type.Array(
      Type.Object({ label: Type.String({ description: 'key=value', examples: ['team=ci'] }), ...counted }),
      { description: 'by label; of very many labels, the latest are counted together as (other)' },
    ),
  },
  { $id: 'Usage', title: 'Usage', description: 'what a project used' },
);
export type UsageReport = Type.Static<typeof UsageReport>;
