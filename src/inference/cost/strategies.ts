import { REPLAYED } from './replayed-stack.ts';

/** A figure that others have published. */
interface Published {
  readonly figure: string;
  readonly quality: string;
  readonly source: string;
}

/** A figure that was measured here. */
interface Measured {
  readonly figure: string;
  readonly quality: string;
  readonly command: string;
  readonly date: string;
  /** What else the machine did. */
  readonly load: string;
}

/** A way to make inference cheaper, with the evidence for it. */
export interface Strategy {
  readonly name: 'quantisation' | 'distillation' | 'pruning' | 'batching' | 'caching' | 'routing';
  readonly does: string;
  readonly published: readonly Published[];
  readonly measured: readonly Measured[];
  /** What it takes to run it. */
  readonly needs: { readonly retraining: string; readonly validation: string; readonly hardware: string };
  readonly notWhen: string;
}

const ENCODER = { command: 'npm run bench -- models --only encoder --quick', date: '2026-11-27', load: '15 on two cores' } as const;
const STACK = { command: REPLAYED.command, date: REPLAYED.date, load: `${REPLAYED.load} on two cores` } as const;
const BATCHER = { command: 'npm run bench -- models --only batcher', date: '2026-11-28', load: '25 to 28 on two cores' } as const;
const PAIRS = { command: 'npm run bench -- cascade', date: '2026-11-27', load: 'quality alone' } as const;

/** Each with published figures, figures measured here, and what it needs. Figures of different strategies never add up. [U150] */
export const STRATEGIES: readonly Strategy[] = [
  {
    name: 'quantisation',
    does: 'Stores and multiplies numbers of a model in 8 or 4 bits.',
    published: [
      {
        figure: '1.5x to 3x faster, 4x smaller (int8, encoders on a CPU)',
        quality: 'almost all of the accuracy',
        source: 'RTen documentation; SamLowe/roberta-base-go_emotions-onnx model card',
      },
      {
        figure: '3.25x to 4.5x faster than fp16 (GPTQ, 3 to 4 bits, 175B parameters)',
        quality: 'negligible loss at 3 to 4 bits',
        source: 'Frantar et al., GPTQ, arXiv:2210.17323',
      },
    ],
    measured: [
      {
        figure: '1.7x (32 tokens) to 2.0x (256 tokens) less CPU at the edge, 1.5x to 2.5x on a pool (int8, MiniLM’s shape)',
        quality: 'outputs drift by 3.7e-4 (seeded weights)',
        ...STACK,
      },
      { figure: '3.8x smaller (int8, MiniLM’s shape): it fits an isolate, which float32 does not', quality: 'the same', ...ENCODER },
      { figure: '0.49x: twice the CPU (int4 blocks, edge)', quality: 'outputs drift by 3.8e-2', ...ENCODER },
    ],
    needs: {
      retraining: 'none',
      validation: 'overlap@10 and nDCG against the original (`sluice models gate`)',
      hardware: 'a runtime with kernels for the format',
    },
    notWhen: 'the runtime lacks kernels for the format: 4 bits at the edge save bytes and cost time.',
  },
  {
    name: 'distillation',
    does: 'A small student answers as a large teacher does.',
    published: [
      { figure: '1.6x faster, 40 % smaller (DistilBERT)', quality: '97 % of GLUE kept', source: 'Sanh et al., arXiv:1910.01108' },
      { figure: '9.4x faster, 7.5x smaller (TinyBERT)', quality: '96.8 % of GLUE kept', source: 'Jiao et al., arXiv:1909.10351' },
      {
        figure: 'up to 500x faster, 50x smaller (static students)',
        quality: 'MTEB retrieval 31 to 33 beside 43 of MiniLM',
        source: 'MinishLab/model2vec, results',
      },
    ],
    measured: [
      {
        figure: '600x (32 tokens) to 750x (256 tokens) less CPU a text than int8 at the edge (static student: 22 us, 136 us)',
        quality: 'finds 0.640 of the teacher’s ten nearest (recall@10)',
        ...STACK,
      },
    ],
    needs: {
      retraining: 'a fit for each teacher and domain: minutes on a CPU for a static student',
      validation: 'held-out texts of the domain, by document',
      hardware: 'none for static students',
    },
    notWhen: 'retrieval quality matters and nothing escalates: a static student alone loses a third of the nearest.',
  },
  {
    name: 'pruning',
    does: 'Leaves out words, dimensions or layers.',
    published: [
      {
        figure: '50 % of the weights gone, no gain without sparse kernels (Wanda, SparseGPT)',
        quality: 'perplexity 5.12 to 6.42 (LLaMA-2-7B)',
        source: 'locuslab/wanda, README',
      },
    ],
    measured: [
      { figure: '1.16x less CPU (5 of 6 layers)', quality: 'outputs drift by 0.36', ...ENCODER },
      {
        figure: '44 % smaller, no less CPU (a static student with 5,000 frequent words instead of 20,000, and those of its texts)',
        quality: 'loses as much of nDCG@10 as with all words, to 0.01 %',
        ...STACK,
      },
    ],
    needs: { retraining: 'none, or a fit of what is left', validation: 'as for quantisation, on rare words too', hardware: 'none' },
    notWhen:
      'layers matter: an encoder that was not trained for it drifts far. Sparse weights save nothing in runtimes without sparse kernels.',
  },
  {
    name: 'batching',
    does: 'Runs several inputs in one call of a model.',
    published: [
      {
        figure: '3.7x the throughput (dynamic batching, 8 at once)',
        quality: 'the same answers',
        source: 'Triton inference server, guide',
      },
      { figure: '23x the throughput (continuous batching)', quality: 'the same answers', source: 'Anyscale, 2023' },
    ],
    measured: [
      {
        figure: '1.1x less CPU a text from 1 to 16 at once (float32, 32 tokens, edge), 1.9x on a pool; none at 256 tokens at the edge',
        quality: 'the same vectors',
        ...STACK,
      },
      {
        figure: '11 % less CPU a text with 16 callers of short texts (micro-batcher, as served); none with 4, or of 26 tokens',
        quality: 'the same vectors',
        ...BATCHER,
      },
      {
        figure: 'none for int8 at the edge, whose texts run one by one, as its scales are of a whole batch',
        quality: 'the same vectors',
        ...STACK,
      },
    ],
    needs: { retraining: 'none', validation: 'deadlines: each waits for others', hardware: 'none; more for accelerators' },
    notWhen:
      'a call costs little beside the runtime’s overhead already (static models in plain code), or nobody else calls within the wait.',
  },
  {
    name: 'caching',
    does: 'Answers a repeated request with the earlier answer.',
    published: [
      {
        figure: '62 % to 69 % of calls saved (semantic, constructed queries); 20 % to 45 % in production by a vendor',
        quality: 'more than 97 % of hits judged right',
        source: 'GPT Semantic Cache, arXiv:2411.05276',
      },
      {
        figure: 'cached input 50 % to 90 % cheaper (prompt caching by upstreams)',
        quality: 'the same answers',
        source: 'price pages of OpenAI and Anthropic',
      },
    ],
    measured: [
      {
        figure: '1.31x at the repeat rate of a trace, 23.8 %; a look-up in memory costs 20 us of CPU',
        quality: 'the same answers',
        ...STACK,
      },
      {
        figure: 'none for an encoder if each answer is stored in the second level: its five rows cost as much as 250 ms of CPU',
        quality: 'the same answers',
        ...STACK,
      },
      {
        figure: 'saves the repeat rate: a hit costs one request and no tokens',
        quality: 'the same bytes',
        command: 'test/clients/completion-cache.test.ts',
        date: '2026-11-28',
        load: 'counts alone',
      },
      {
        figure:
          '5.5 % of rated pairs answered by a neighbour at cosine 0.9 that the guard lets pass; 4.2 % of the cost saved behind a verifier',
        quality: '9.6 % false before a verifier, at most 17.9 % (95 %); 0.6 % expected behind one that errs in 5 %',
        command: 'npm run bench -- reuse --data DIR (STS-B)',
        date: '2026-11-28',
        load: '12 on two cores',
      },
    ],
    needs: { retraining: 'none', validation: 'none for exact answers; false hits for semantic ones', hardware: 'memory' },
    notWhen: 'answers must differ or be fresh, or an answer costs less than its look-up.',
  },
  {
    name: 'routing',
    does: 'A cheaper model answers, and a dearer one only where it is not sure.',
    published: [
      { figure: 'up to 98 % cheaper (FrugalGPT)', quality: 'as GPT-4', source: 'Chen et al., arXiv:2305.05176' },
      { figure: 'up to 85 % cheaper (RouteLLM)', quality: '95 % of GPT-4 on MT Bench', source: 'Ong et al., arXiv:2406.18665' },
    ],
    measured: [
      {
        figure: '0.9x to 1.05x at 1 % of nDCG@10 lost: 93 % of the queries are escalated',
        quality: 'loses 0.6 % [0.2, 1.0] of nDCG@10 (the teacher’s ten nearest)',
        ...STACK,
      },
      {
        figure: '1.5x to 2.5x: 39 % escalated, where texts nearly as near count nearly as much',
        quality: 'loses 0.9 % [0.8, 1.1] of nDCG@10 (texts by the teacher’s similarity)',
        ...STACK,
      },
      { figure: '23 % of queries escalated', quality: 'recall@10 0.744; at random 0.721 [+0.016, +0.029]', ...PAIRS },
      { figure: '47 % of queries escalated', quality: 'recall@10 0.841; at random 0.808 [+0.028, +0.038]', ...PAIRS },
    ],
    needs: {
      retraining: 'a threshold for each pair of models',
      validation: 'a share of calls that always asks both',
      hardware: 'both models run',
    },
    notWhen: 'the confidence of the cheap model does not predict its errors: then escalation is random.',
  },
];
