import type { FieldPath } from '../../contract/api/field-path.ts';
import type { JsonObject } from './json.ts';
import { listAt, objectAt, textAt } from './json.ts';
import type { Untranslatable } from './translated-fields.ts';

/** A block of what a user says or a tool answers, in Anthropic's messages, as parts of a message of a chat. [U232] */
export function partsOf(block: unknown, path: FieldPath, cannot: Untranslatable): readonly JsonObject[] {
  const type = textAt(block, 'type') ?? '';
  switch (type) {
    case 'text':
      return [{ type, text: textAt(block, 'text') ?? '' }];
    case 'image':
      return present(imagePart(objectAt(block, 'source'), [...path, 'source'], cannot));
    case 'document':
      return uncited(block, path, cannot) ? documentParts(block, [...path, 'source'], cannot) : [];
    case 'search_result':
      return uncited(block, path, cannot) ? [{ type: 'text', text: searchText(block) }] : [];
    default:
      return present(
        cannot.at(
          [...path, 'type'],
          'must be `text`, `image`, `document`, `search_result` or `tool_result` for a model of another protocol than `anthropic`',
        ),
      );
  }
}

const present = (part: JsonObject | undefined): readonly JsonObject[] => (part === undefined ? [] : [part]);

/** Answers of other protocols cite nothing. */
function uncited(block: unknown, path: FieldPath, cannot: Untranslatable): boolean {
  if (objectAt(block, 'citations')['enabled'] !== true) return true;
  cannot.at(
    [...path, 'citations', 'enabled'],
    'must be false for a model of another protocol than `anthropic`, whose answers cite nothing',
  );
  return false;
}

function imagePart(source: JsonObject, path: FieldPath, cannot: Untranslatable): JsonObject | undefined {
  switch (textAt(source, 'type') ?? '') {
    case 'base64':
      return { type: 'image_url', image_url: { url: `data:${textAt(source, 'media_type')};base64,${textAt(source, 'data')}` } };
    case 'url':
      return { type: 'image_url', image_url: { url: textAt(source, 'url') ?? '' } };
    default:
      return cannot.at([...path, 'type'], 'must be `base64` or `url` for a model of another protocol than `anthropic`');
  }
}

/** A PDF is a file; texts are parts of their own, behind the title. */
function documentParts(block: unknown, path: FieldPath, cannot: Untranslatable): readonly JsonObject[] {
  const source = objectAt(block, 'source');
  const title = textAt(block, 'title');
  const context = textAt(block, 'context');
  const before = [title, context].filter((text) => text !== undefined && text !== '').map((text) => ({ type: 'text', text }));
  switch (textAt(source, 'type') ?? '') {
    case 'base64': {
      const file_data = `data:${textAt(source, 'media_type') ?? 'application/pdf'};base64,${textAt(source, 'data') ?? ''}`;
      const said = context === undefined ? [] : [{ type: 'text', text: context }];
      return [...said, { type: 'file', file: { filename: title ?? 'document.pdf', file_data } }];
    }
    case 'text':
      return [...before, { type: 'text', text: textAt(source, 'data') ?? '' }];
    case 'content': {
      const content = source['content'];
      if (typeof content === 'string') return [...before, { type: 'text', text: content }];
      return [...before, ...listAt(source, 'content').flatMap((part, i) => partsOf(part, [...path, 'content', i], cannot))];
    }
    default:
      return present(
        cannot.at(
          [...path, 'type'],
          'must be `base64`, `text` or `content` for a model of another protocol than `anthropic`: send the document itself',
        ),
      );
  }
}

const searchText = (block: unknown): string =>
  [textAt(block, 'title'), textAt(block, 'source'), ...listAt(block, 'content').map((part) => textAt(part, 'text'))]
    .filter((text) => text !== undefined && text !== '')
    .join('\n');
