// What tells two questions apart though their vectors are near: small words, which hardly move a vector and change the answer.

/** Numbers as words are the same as numbers in digits. `one` is left out: it often counts nothing. */
const NUMBER_WORDS: ReadonlyMap<string, string> = new Map(
  'zero - two three four five six seven eight nine ten eleven twelve'.split(' ').map((word, at) => [word, String(at)]),
);

const NEGATION = /^(?:not|no|never|none|nothing|nobody|neither|nor|without|cannot|except|\p{L}+n't)$/u;

/** Words that decide what is asked: where one question has one of them and the other has not, they ask something else. */
const DECISIVE = wordsOf(
  'before after above below over under more less most least max maximum min minimum first second third last next previous latest oldest newest only ' +
    'always half double twice dozen hundred thousand million billion increase decrease raise lower add remove delete insert enable disable open close start stop ' +
    'begin end buy sell import export upload download send receive accept reject allow deny block unblock lock unlock install uninstall encrypt decrypt ' +
    'left right north south east west inside outside male female man woman mother father husband wife adult child safe dangerous cheap cheapest ' +
    'expensive best worst good bad true false legal illegal free paid old new hot cold big small large long short fast slow high low ' +
    'minute hour day week month quarter year today tomorrow yesterday tonight morning evening noon midnight am pm ' +
    'monday tuesday wednesday thursday friday saturday sunday january february april june july august september october november december ' +
    'mm cm m km inch inches foot feet yard mile mg g kg ounce pound lb ton ml l litre liter gallon celsius fahrenheit kelvin mph kph watt kw kb mb gb tb ' +
    'percent dollar euro franc yen rupee usd eur gbp chf jpy ' +
    'english german french spanish italian portuguese dutch polish russian chinese japanese korean arabic turkish hindi',
);

/** Words that begin a sentence in capitals and are no names. */
const BEGINNINGS = wordsOf(
  'a an the i my our your what where when who whom whose which why how is are was were am do does did can could will would should shall may might ' +
    'must have has had please hi hello hey so ok okay thanks tell give show explain list describe find get help if in on at to for from with of and or but there this that these those it we you us',
);

/** Frequent small words that each stand in one of these languages alone. */
const LANGUAGES: Readonly<Record<string, ReadonlySet<string>>> = {
  en: wordsOf('the is are what where how does my of and which you with can when who'),
  de: wordsOf('der das ist wie wo ich mein nicht und ein eine wird kann welche für wann'),
  fr: wordsOf('le les est où comment je mon ma et une pour quel quelle est-ce dans puis'),
  es: wordsOf('el los está cómo dónde mi y una para cuál qué puedo cuándo del hay'),
  it: wordsOf('il gli è dove mio mia che un per quale posso quando della sono'),
  pt: wordsOf('o os está onde meu minha um uma para qual posso quando não são como'),
  nl: wordsOf('het een waar hoe mijn wat niet voor welke kan ik wanneer zijn'),
};

const SCRIPTS = [
  /\p{Script=Latin}/u,
  /\p{Script=Cyrillic}/u,
  /\p{Script=Greek}/u,
  /\p{Script=Han}/u,
  /[\p{Script=Hiragana}\p{Script=Katakana}]/u,
  /\p{Script=Hangul}/u,
  /\p{Script=Arabic}/u,
  /\p{Script=Hebrew}/u,
  /\p{Script=Devanagari}/u,
  /\p{Script=Thai}/u,
];

/**
 * Whether two questions may ask the same. They may not where numbers, negations, names, quotations, signs of units or words that decide what is asked
 * differ, nor where they are in different languages. Names are words in capitals, also of one question alone: a name in lower case in both is
 * not seen. [U181]
 */
export function mayAskTheSame(one: string, other: string): boolean {
  const [a, b] = [read(one), read(other)];
  return haveSameMarks(a, b) && haveSameNames(a, b) && lacksNothing(a, b) && lacksNothing(b, a);
}

/** Numbers, negations, signs, quotations and languages. */
const haveSameMarks = (a: Reading, b: Reading): boolean =>
  isSame(a.numbers, b.numbers) &&
  a.negations === b.negations &&
  isSame(a.signs, b.signs) &&
  isSame(a.quoted, b.quoted) &&
  a.scripts === b.scripts &&
  (a.language === undefined || b.language === undefined || a.language === b.language);

/** Each name stands in both questions, and those that are in capitals in both in one order. */
function haveSameNames(a: Reading, b: Reading): boolean {
  for (const name of [...a.names, ...b.names]) if (!a.words.has(name) || !b.words.has(name)) return false;
  return isSame(a.names.filter(isIn(b.names)), b.names.filter(isIn(a.names)));
}

/** Whether no word of the one that decides what is asked is missing in the other, and none stands there turned around. */
function lacksNothing({ words }: Reading, other: Reading): boolean {
  for (const word of words) if (!other.words.has(word) && (DECISIVE.has(word) || isOppositeIn(word, other.words))) return false;
  return true;
}

interface Reading {
  readonly words: ReadonlySet<string>;
  readonly numbers: readonly string[];
  readonly negations: number;
  readonly names: readonly string[];
  readonly quoted: readonly string[];
  readonly signs: readonly string[];
  readonly scripts: string;
  readonly language: string | undefined;
}

function read(text: string): Reading {
  const plain = text
    .normalize('NFC')
    .replaceAll(/[‘’]/gu, "'")
    .replaceAll(/[“”„«»]/gu, '"')
    .replaceAll('−', '-');
  const words: string[] = [];
  const numbers: string[] = [];
  const names: string[] = [];
  let negations = 0;
  let end = 0;
  for (const { 0: token, index } of plain.matchAll(
    /(?<![\p{L}\p{N}])[-+]?\p{N}[\p{N}.,:/]*\p{N}|(?<![\p{L}\p{N}])[-+]?\p{N}|\p{N}|\p{L}[\p{L}\p{M}'-]*/gu,
  )) {
    const lower = token.toLowerCase();
    const word = baseOf(lower);
    const number = numberIn(token, word);
    if (number !== undefined) numbers.push(number);
    if (NEGATION.test(lower)) negations += 1;
    words.push(word);
    const begins = beginsAfter(plain.slice(end, index).trimEnd(), end === 0);
    end = index + token.length;
    const isShouted = token.length > 1 && token === token.toUpperCase() && token !== lower;
    if (token === lower || /^I(?:'\p{L}+)?$/u.test(token) || (!isShouted && begins && BEGINNINGS.has(word))) continue;
    // In capitals, WHO and US are names.
    const name = isShouted && BEGINNINGS.has(word) ? token : word;
    names.push(name);
    words.push(name);
  }
  return {
    words: new Set(words),
    numbers,
    negations,
    names,
    quoted: [...plain.matchAll(/"([^"]*)"|`([^`]*)`/gu)].map(([, double, code]) => double ?? code ?? ''),
    signs: plain.match(/[$€£¥₹%°+*/<>=^]/gu) ?? [],
    scripts: SCRIPTS.map((script) => Number(script.test(plain))).join(''),
    language: languageOf(words),
  };
}

const numberIn = (token: string, word: string): string | undefined => (/\p{N}/u.test(token) ? token : NUMBER_WORDS.get(word));

/** Whether a word begins a sentence, by what stands between it and the word before: so that a question is read in time that grows with its length. */
const beginsAfter = (between: string, isFirst: boolean): boolean => (isFirst && between === '') || /[.!?:]$/u.test(between);

/** Without the ending of a plural or of a possessive. */
function baseOf(word: string): string {
  const bare = word.replace(/'s$/u, '');
  return bare.length > 3 && bare.endsWith('s') && !bare.endsWith('ss') ? bare.slice(0, -1) : bare;
}

/** Words as questions are read, also those that end as plurals do, such as `always`. */
function wordsOf(words: string): ReadonlySet<string> {
  return new Set(words.split(' ').map((word) => baseOf(word)));
}

/** Undefined: no language, or several, stand out. */
function languageOf(words: readonly string[]): string | undefined {
  const counts = Object.entries(LANGUAGES).map(([name, small]) => [name, words.filter((word) => small.has(word)).length] as const);
  const most = Math.max(...counts.map(([, count]) => count));
  const found = counts.filter(([, count]) => count === most);
  return most > 0 && found.length === 1 ? found[0]?.[0] : undefined;
}

const PREFIX = /^(?:un|in|im|il|ir|dis|non|de)-?(?=\p{L}{3})/u;

/** Whether the other question has the word with or without a prefix that turns it around, such as `limited` and `unlimited`. */
function isOppositeIn(word: string, others: ReadonlySet<string>): boolean {
  const bare = word.replace(PREFIX, '');
  return bare !== word && others.has(bare);
}

const isIn =
  (names: readonly string[]) =>
  (name: string): boolean =>
    names.includes(name);

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((value, at) => value === other[at]);
