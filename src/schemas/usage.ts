import Type from 'typebox';
import { integer, text, timestamp } from './common.ts';

const counted = {
  sandboxSeconds: Type.Number({
    format: 'double',
    description: 'seconds that sandboxes ran, added up',
    examples: [86400],
  }),
  peak: integer({ description: 'how many ran at the same time at most', examples: [12] }),
};

export const UsageReport = Type.Object(
  {
    project: text('whose usage', 'default'),
    from: timestamp('begin of the first day counted'),
    to: timestamp('end of the last day counted'),
    total: Type.Object(counted, { title: 'UsageTotal', description: 'of the whole project' }),
    labels: Type.Array(
      Type.Object(
        { label: text('key=value', 'team=ci'), ...counted },
        { title: 'LabelUsage', description: 'of the sandboxes with a label' },
      ),
      { description: 'by label; of very many labels, the latest are counted together as (other)' },
    ),
  },
  { $id: 'Usage', title: 'Usage', description: 'what a project used' },
);
export type UsageReport = Type.Static<typeof UsageReport>;
