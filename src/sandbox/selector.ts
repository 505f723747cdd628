import { invalidField } from '../errors.ts';
import { labelKeyPattern, labelValuePattern } from '../schemas/sandbox-input.ts';

/** One requirement of a Kubernetes label selector. `values` is empty for `exists` and `absent`. */
export interface Requirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | 'exists' | 'absent';
  readonly values: readonly string[];
}

const set = new RegExp(`^(${labelKeyPattern})\\s+(in|notin)\\s*\\(([^()]*)\\)$`);
const equality = new RegExp(`^(${labelKeyPattern})\\s*(==|=|!=)\\s*(${labelValuePattern})$`);
const existence = new RegExp(`^(!?)\\s*(${labelKeyPattern})$`);
const wholeValue = new RegExp(`^${labelValuePattern}$`);
const maxRequirements = 32;

/**
 * Reads label selectors as Kubernetes has them: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, separated
 * by commas; several selectors must all hold. Throws `invalid_selector`.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
export function parseSelectors(texts: readonly string[]): Requirement[] {
  // An empty selector selects everything.
  const given = texts.filter((text) => text.trim() !== '');
  const terms = given.flatMap((text) => splitTerms(text)).map((term) => term.trim());
  if (terms.length > maxRequirements) throw invalid(`has more than ${maxRequirements} requirements`);
  return terms.map(parseTerm);
}

/** A label that is absent does not equal anything: it passes `!=` and `notin`, as in Kubernetes. */
export function matchesLabels(labels: Readonly<Record<string, string>>, requirements: readonly Requirement[]): boolean {
  return requirements.every(({ key, operator, values }) => {
    const present = Object.hasOwn(labels, key);
    if (operator === 'exists') return present;
    if (operator === 'absent') return !present;
    const listed = present && values.includes(labels[key] as string);
    return operator === 'in' ? listed : !listed;
  });
}

/** Commas separate terms, but not within parentheses. */
function splitTerms(text: string): string[] {
  return text.split(/,(?![^(]*\))/);
}

function parseTerm(term: string): Requirement {
  const [, setKey, setOperator, list] = set.exec(term) ?? [];
  if (setKey && setOperator && list !== undefined) {
    const values = list.split(',').map((one) => one.trim());
    if (values.some((one) => !wholeValue.test(one))) throw invalid(`"${term}" has a value that no label can have`);
    return { key: setKey, operator: setOperator as 'in' | 'notin', values };
  }
  const [, equalKey, sign, given] = equality.exec(term) ?? [];
  if (equalKey && given !== undefined) {
    return { key: equalKey, operator: sign === '!=' ? 'notin' : 'in', values: [given] };
  }
  const [, not, name] = existence.exec(term) ?? [];
  if (name) return { key: name, operator: not ? 'absent' : 'exists', values: [] };
  throw invalid(`"${term}" is none of: a=b, a!=b, a in (b,c), a notin (b,c), a, !a`);
}

function invalid(detail: string) {
  return invalidField('#query/label', detail, 'invalid_selector');
}
