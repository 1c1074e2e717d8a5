import type { JsonObject } from '../protocol/json.ts';
import { isObject, textAt } from '../protocol/json.ts';

/** `web_search`, `web_search_preview`, `web_search_2025_08_26` of OpenAI, `web_search_20250305` of Anthropic. */
const SEARCH_TOOLS = /^web_search(?:_preview)?(?:_\d{4}_?\d{2}_?\d{2})?$/;

/** Whether one of a request's tools searches the web. */
export const isSearchTool = (tool: unknown): tool is JsonObject => isObject(tool) && SEARCH_TOOLS.test(textAt(tool, 'type') ?? '');
