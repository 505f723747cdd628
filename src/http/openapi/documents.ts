import type { OpenApiDocument } from './document.ts';
import { toOpenApi30 } from './to-30.ts';

/** The document in both versions; `swagger` is what the application tells of its routes. */
export function openApiDocuments({ swagger }: { swagger: () => unknown }) {
  const v31 = swagger() as OpenApiDocument;
  return { v31, v30: toOpenApi30(v31) };
}
