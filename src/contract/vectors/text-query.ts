/** What texts are searched for: words, of which a text has one at least. */
export type TextQuery = string;
