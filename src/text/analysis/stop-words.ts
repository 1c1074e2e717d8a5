import { stopwords as armenian } from '@orama/stopwords/armenian';
import { stopwords as danish } from '@orama/stopwords/danish';
import { stopwords as dutch } from '@orama/stopwords/dutch';
import { stopwords as english } from '@orama/stopwords/english';
import { stopwords as finnish } from '@orama/stopwords/finnish';
import { stopwords as french } from '@orama/stopwords/french';
import { stopwords as german } from '@orama/stopwords/german';
import { stopwords as greek } from '@orama/stopwords/greek';
import { stopwords as hindi } from '@orama/stopwords/indian';
import { stopwords as irish } from '@orama/stopwords/irish';
import { stopwords as italian } from '@orama/stopwords/italian';
import { stopwords as norwegian } from '@orama/stopwords/norwegian';
import { stopwords as portuguese } from '@orama/stopwords/portuguese';
import { stopwords as romanian } from '@orama/stopwords/romanian';
import { stopwords as russian } from '@orama/stopwords/russian';
import { stopwords as serbian } from '@orama/stopwords/serbian';
import { stopwords as swedish } from '@orama/stopwords/swedish';
import { stopwords as tamil } from '@orama/stopwords/tamil';
import { stopwords as turkish } from '@orama/stopwords/turkish';

import type { Language } from '../../contract/indexes/analysis.ts';

const listed = (words: string): readonly string[] => words.split(' ');

/** Of these languages the package's lists are long and hold words that texts are about; these hold what has a function only. */
const arabic = listed('في من على الى إلى عن مع أن ان إن هذا هذه ذلك التي الذي هو هي كان كانت ما لا لم قد كل بعد قبل بين حتى أو ثم و');
const hungarian = listed(
  'a az és egy is nem hogy ez azt ezt de ha meg már csak vagy mint el ki be le fel én te ő mi ti ők van volt lesz ezek azok aki ami amely',
);
const indonesian = listed(
  'yang dan di ke dari untuk dengan pada ini itu adalah dalam tidak akan juga oleh atau saya kami kita dia mereka ada bisa sudah telah karena',
);
const lithuanian = listed(
  'ir yra kad tai į iš su ne per kaip bet ar už nuo tik jau dar jis ji jie jos aš tu mes jūs buvo bus o apie prie po ant',
);
const spanish = listed(
  'a al ante bajo con contra de del desde e el ella ellas ellos en entre era es esa ese eso esta este esto fue ha han hasta la las le les lo los más me mi muy no nos o para pero por que qué se ser si sin sobre son su sus te tu un una uno unas unos y ya yo',
);

const LISTS: Readonly<Partial<Record<Language, readonly string[]>>> = {
  arabic,
  armenian,
  danish,
  dutch,
  english,
  finnish,
  french,
  german,
  greek,
  hindi,
  hungarian,
  indonesian,
  irish,
  italian,
  lithuanian,
  norwegian,
  portuguese,
  romanian,
  russian,
  serbian,
  spanish,
  swedish,
  tamil,
  turkish,
};

/** Words of a language that say little about a text, 25 to 300; none for a language without a list. */
export const stopWordsOf = (language: Language): readonly string[] =>
  // The package's lists have a byte order mark, and hyphens at ends of words.
  (LISTS[language] ?? []).map((word) => word.replaceAll(/^[^\p{L}]+|[^\p{L}\p{M}]+$/gu, ''));
