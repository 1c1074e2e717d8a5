const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** A text that others chose, as HTML and SVG show it. */
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);

/** A picture that scales with the page. Sizes are in its own units. */
export const svg = (title: string, width: number, height: number, drawn: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escaped(title)}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="14">${drawn}</svg>`;
