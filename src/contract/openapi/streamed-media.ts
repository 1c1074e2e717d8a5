import { NDJSON } from '../api/endpoint.ts';
import { implies } from '../api/presence.ts';

interface Media {
  schema?: object;
}
type Content = Record<string, Media>;

interface Operation {
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

/**
 * Describes in an OpenAPI document what is sent value by value as what it is on the wire: lines of JSON are a text, an event is an object whose
 * `data` is a text (as OpenAPI 3.2 has it). The schema of one value, which the document has at first, becomes the `contentSchema` of the text.
 */
export function describeStreams(document: { readonly paths?: object | undefined }): void {
  for (const methods of Object.values(document.paths ?? {}) as object[]) {
    for (const { requestBody, responses } of Object.values(methods) as Operation[]) {
      for (const { content } of [requestBody, ...Object.values(responses)].flatMap((part) => part ?? [])) describe(content ?? {});
    }
  }
}

function describe({ [NDJSON]: lines, 'text/event-stream': events }: Content): void {
  if (lines?.schema !== undefined) {
    lines.schema = { type: 'string', description: 'A value a line.', contentMediaType: NDJSON, contentSchema: lines.schema };
  }
  if (events?.schema !== undefined) {
    const data = { type: 'string', description: 'JSON; where a stream ends as OpenAI does, `[DONE]`.', contentSchema: events.schema };
    const properties = {
      id: { type: 'string' },
      event: { type: 'string' },
      data,
      retry: { type: 'integer', description: 'In milliseconds.' },
    };
    // Validators look at each event, generators at the whole, which is a text.
    events.schema = { description: 'Server-sent events.', ...implies({ type: 'object' }, { properties }) };
  }
}
