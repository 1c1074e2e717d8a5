import type { FieldPath } from '../../contract/api/field-path.ts';
import type { JsonObject } from './json.ts';
import { objectAt, present, textAt } from './json.ts';
import type { Untranslatable } from './translated-fields.ts';

/** The content of a message of a chat as blocks of Anthropic's. Empty texts are left out: Anthropic refuses them. [U232] */
export function blocksOf(content: unknown, path: FieldPath, cannot: Untranslatable): JsonObject[] {
  if (content === undefined || content === null || content === '') return [];
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) {
    cannot.at(path, 'must be a text or a list of parts');
    return [];
  }
  return content.flatMap((part, i) => {
    const block = blockOf(part, [...path, i], cannot);
    return block === undefined || block['text'] === '' ? [] : [block];
  });
}

function blockOf(part: unknown, path: FieldPath, cannot: Untranslatable): JsonObject | undefined {
  const type = textAt(part, 'type') ?? '';
  switch (type) {
    case 'text':
      return { type, text: textAt(part, 'text') ?? '' };
    case 'refusal':
      return { type: 'text', text: textAt(part, 'refusal') ?? '' };
    case 'image_url':
      return imageOf(textAt(objectAt(part, 'image_url'), 'url') ?? '', [...path, 'image_url', 'url'], cannot);
    case 'file':
      return documentOf(objectAt(part, 'file'), [...path, 'file'], cannot);
    default:
      return cannot.at([...path, 'type'], 'must be `text`, `refusal`, `image_url` or `file` for a model of the protocol `anthropic`');
  }
}

const IMAGE_DATA = /^data:(image\/[\w.+-]+);base64,(.*)$/s;

function imageOf(url: string, path: FieldPath, cannot: Untranslatable): JsonObject | undefined {
  const [, mediaType, data] = IMAGE_DATA.exec(url) ?? [];
  if (data !== undefined) return { type: 'image', source: { type: 'base64', media_type: mediaType, data } };
  if (url.startsWith('https://')) return { type: 'image', source: { type: 'url', url } };
  return cannot.at(path, 'must begin with https:// or be a base64 data URL of an image');
}

const PDF_DATA = /^data:application\/pdf;base64,(.*)$/s;

function documentOf(file: JsonObject, path: FieldPath, cannot: Untranslatable): JsonObject | undefined {
  const data = textAt(file, 'file_data');
  if (data === undefined)
    return cannot.at([...path, 'file_data'], 'must be given for a model of the protocol `anthropic`: a `file_id` is known to OpenAI alone');
  const [, pdf] = PDF_DATA.exec(data) ?? [];
  if (pdf === undefined)
    return cannot.at([...path, 'file_data'], 'must be a data URL that begins with `data:application/pdf;base64,`: send texts as `text`');
  return present({
    type: 'document',
    source: { type: 'base64', media_type: 'application/pdf', data: pdf },
    title: textAt(file, 'filename'),
  });
}
