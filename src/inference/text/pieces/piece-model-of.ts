import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { ok } from '../../../kernel/result.ts';
import { WORD_CHARS_DEFAULT } from '../check-tokeniser.ts';
import type { CompactForm } from '../compact-form.ts';
import type { JsonRecord } from '../config-json.ts';
import { textIn } from '../config-json.ts';
import type { DoubleArray } from './double-array.ts';
import { MergedPieces } from './merged-pieces.ts';
import type { PieceModel } from './piece-model.ts';
import { pieceBytes } from './piece-model.ts';
import { UnigramPieces } from './unigram-pieces.ts';
import { WordPieces } from './word-pieces.ts';

/** As SentencePiece has it: so much less likely than the least likely piece is an unknown character. */
const UNKNOWN_PENALTY = 10;

interface Tables extends Pick<CompactForm, 'scores' | 'merges'> {
  readonly trie: DoubleArray;
}

/** The field `model` of a `tokenizer.json`, which has passed `checkTokeniser`. Refuses an unknown token that is not in the vocabulary. */
export function pieceModelOf(model: JsonRecord, { trie, scores, merges }: Tables, at: FieldPath): Outcome<PieceModel> {
  const hasByteFallback = model['byte_fallback'] === true;
  if (model['type'] === 'Unigram') {
    const unknownId = Number(model['unk_id']);
    if (unknownId >= scores.length) return refuse('invalid_value', 'is no position in vocab', [...at, 'unk_id']);
    let scoreMin = Infinity;
    for (const score of scores) scoreMin = Math.min(scoreMin, score);
    return ok(new UnigramPieces({ trie, scores, unknownScore: scoreMin - UNKNOWN_PENALTY, unknownId, hasByteFallback }));
  }
  const unknown = model['unk_token'];
  const unknownId = typeof unknown === 'string' ? trie.get(pieceBytes(unknown)) : -1;
  if (model['type'] === 'WordPiece') {
    if (unknownId < 0) return refuse('invalid_value', 'is not in the vocabulary', [...at, 'unk_token']);
    const wordCharsMax = Number(model['max_input_chars_per_word'] ?? WORD_CHARS_DEFAULT);
    return ok(new WordPieces({ trie, unknownId, prefix: textIn(model, 'continuing_subword_prefix', '##'), wordCharsMax }));
  }
  if (typeof unknown === 'string' && unknownId < 0) return refuse('invalid_value', 'is not in the vocabulary', [...at, 'unk_token']);
  const [prefix, suffix] = [textIn(model, 'continuing_subword_prefix', ''), textIn(model, 'end_of_word_suffix', '')];
  const [fusesUnknown, ignoresMerges] = [model['fuse_unk'] === true, model['ignore_merges'] === true];
  return ok(new MergedPieces({ trie, merges, unknownId, fusesUnknown, hasByteFallback, ignoresMerges, prefix, suffix }));
}
