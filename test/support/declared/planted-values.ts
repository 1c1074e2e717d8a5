import type { DeclaredType, DeclaredTypes } from './declared-types.ts';

/** One string of a declared type: how a value looks that has a text in its place, and little else. */
export interface PlantedString {
  /** Such as `messages[].content[].text`; `{key}` is a key that anybody can choose. */
  readonly place: string;
  readonly with: (text: string) => unknown;
}

/**
 * Every string that values of a type can have: those of all alternatives, words of an enumeration among them, values and keys of free objects. A type
 * within itself is not followed. `onMissing`: takes the name of a type that no file declares.
 */
export function plantedStrings(types: DeclaredTypes, type: DeclaredType, onMissing: (name: string) => void): PlantedString[] {
  const planted = new Map<string, PlantedString>();
  for (const one of stringsIn(type)) if (!planted.has(one.place)) planted.set(one.place, one);
  return [...planted.values()];

  function stringsIn(inner: DeclaredType, within: readonly DeclaredType[] = []): PlantedString[] {
    switch (inner.kind) {
      case 'string':
      case 'literal':
        return [{ place: '', with: (text) => text }];
      case 'other':
        return [];
      case 'unknown':
        return [
          { place: '', with: (text) => text },
          { place: '.any', with: (text) => ({ any: text }) },
          { place: '.any[]', with: (text) => ({ any: [text] }) },
          { place: '.{key}', with: (text) => ({ [text]: 1 }) },
        ];
      case 'array':
        return stringsIn(inner.of, within).map((one) => ({ place: `[]${one.place}`, with: (text) => [one.with(text)] }));
      case 'union':
        return inner.of.flatMap((one) => stringsIn(one, within));
      case 'ref': {
        const found = types.find(inner.name, inner.scope);
        if (found === undefined) onMissing(inner.name);
        return found === undefined || within.includes(found) ? [] : stringsIn(found, [...within, found]);
      }
      case 'object':
        return stringsOf(inner, within);
    }
  }

  function stringsOf(inner: DeclaredType & { kind: 'object' }, within: readonly DeclaredType[]): PlantedString[] {
    const members = membersOf(types, inner);
    // What says of which kind the object is.
    const kinds = Object.fromEntries(members.flatMap(({ name, type: of }) => (of.kind === 'literal' ? [[name, of.value]] : [])));
    const kind = typeof kinds['type'] === 'string' ? `(${kinds['type']})` : '';
    const strings = members.flatMap(({ name, type: of }) =>
      stringsIn(of, within).map(({ place, with: build }) => ({
        place: `${kind}.${name}${place}`,
        with: (text: string) => ({ ...kinds, [name]: build(text) }),
      })),
    );
    if (inner.index === undefined) return strings;
    const values = stringsIn(inner.index, within).map(({ place, with: build }) => ({
      place: `${kind}.any${place}`,
      with: (text: string) => ({ ...kinds, any: build(text) }),
    }));
    return [...strings, ...values, { place: `${kind}.{key}`, with: (text) => ({ ...kinds, [text]: 1 }) }];
  }
}

function membersOf(
  types: DeclaredTypes,
  type: DeclaredType | undefined,
): readonly { readonly name: string; readonly type: DeclaredType }[] {
  if (type?.kind === 'ref') return membersOf(types, types.find(type.name, type.scope));
  if (type?.kind !== 'object') return [];
  const own = new Set(type.members.map(({ name }) => name));
  return [...type.extends.flatMap((base) => membersOf(types, base)).filter(({ name }) => !own.has(name)), ...type.members];
}
