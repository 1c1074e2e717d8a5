const NAME_CHARS_SHOWN = 64;

/** Where something stands in a request, by the names of fields and the positions in lists: `['vectors', 3, 'values']`. */
export type FieldPath = readonly (string | number)[];

/** `['input', 3, 'text']` as `input[3].text`; names that the caller chose are cut. */
export function pathText(path: FieldPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const name = shownName(part);
    return text === '' ? name : `${text}.${name}`;
  }, '');
}

/** As much of a name that the caller chose as a refusal repeats. */
export const shownName = (name: string): string => name.slice(0, NAME_CHARS_SHOWN);

/** What of a path stands below `head`; undefined: it leads elsewhere. */
export function pathBelow(path: FieldPath | undefined, head: FieldPath): FieldPath | undefined {
  return path !== undefined && head.every((part, i) => path[i] === part) ? path.slice(head.length) : undefined;
}

/** Paths of schemas hold property keys; those of JSON are texts and numbers. */
export const fieldPathOf = (path: readonly PropertyKey[]): FieldPath =>
  path.map((part) => (typeof part === 'symbol' ? String(part) : part));
