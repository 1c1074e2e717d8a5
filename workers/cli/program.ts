import type { Command } from 'commander';

import { CONTRACT_VERSION } from '../../src/contract/api/version.ts';
import { command } from './command/command.ts';

interface Entry {
  readonly summary: string;
  /** Loads the command. Each is loaded when it runs, so that one command's dependencies do not slow the others. */
  readonly load?: () => Promise<Command>;
  readonly commands?: Readonly<Record<string, Entry>>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  init: { summary: 'store the URL and the key of a gateway', load: async () => (await import('./gateway/init.ts')).init() },
  import: { summary: 'write the vectors of a file into an index', load: async () => (await import('./vectors/import.ts')).importFile() },
  search: { summary: 'search an index by a text', load: async () => (await import('./vectors/search.ts')).search() },
  indexes: {
    summary: 'list, create and delete indexes, and how large they are',
    load: async () => (await import('./indexes/indexes.ts')).indexes(),
  },
  purge: { summary: 'purge what caches hold', load: async () => (await import('./caches/purge.ts')).purge() },
  tenants: { summary: 'tenants of the deployment', load: async () => (await import('./tenancy/tenants.ts')).tenants() },
  quotas: { summary: 'what a tenant, project or key may use', load: async () => (await import('./tenancy/quotas.ts')).quotas() },
  budgets: { summary: 'what may be spent in a month', load: async () => (await import('./tenancy/budgets.ts')).budgets() },
  keys: { summary: 'list, create, rotate and revoke API keys', load: async () => (await import('./tenancy/keys.ts')).keys() },
  upstreams: {
    summary: 'servers of models that others run',
    load: async () => (await import('./upstreams/upstreams.ts')).upstreams(),
  },
  usage: { summary: 'what was used, and what it costs', load: async () => (await import('./tenancy/usage.ts')).usage() },
  cost: {
    summary: 'what inference cost, what was saved, and what would save more',
    load: async () => (await import('./planning/cost.ts')).cost(),
  },
  requests: {
    summary: 'requests to upstreams: what they were, did and cost',
    load: async () => (await import('./requests/requests.ts')).requests(),
  },
  jobs: { summary: 'submit, follow and control heavy jobs', load: async () => (await import('./jobs/jobs.ts')).jobs() },
  queues: { summary: 'queues that jobs wait in', load: async () => (await import('./queues/queues.ts')).queues() },
  routes: { summary: 'rules that decide which models serve', load: async () => (await import('./routes/routes.ts')).routes() },
  prompts: { summary: 'templates that calls name', load: async () => (await import('./prompts/prompts.ts')).prompts() },
  pools: { summary: 'pools of machines that run jobs', load: async () => (await import('./pools/pools.ts')).pools() },
  capacity: {
    summary: "what an index of a size and load takes: shards, memory, storage, a month's bill, latency",
    load: async () => (await import('./planning/capacity.ts')).capacity(),
  },
  forecast: {
    summary: 'how use grows, and when quotas, budgets and indexes are used up',
    load: async () => (await import('./planning/forecast.ts')).forecast(),
  },
  slos: {
    summary: 'service level objectives, their error budgets and burn rates',
    load: async () => (await import('./planning/slos.ts')).slos(),
  },
  debt: {
    summary: 'what technical debt a git repository carries, what it costs a week, what to pay first',
    commands: {
      collect: { summary: 'measure a commit, and keep the facts', load: async () => (await import('./debt/debt.ts')).collect() },
      score: { summary: 'ratings, and items by priority', load: async () => (await import('./debt/debt.ts')).score() },
      explain: { summary: 'an item: rule, evidence, price', load: async () => (await import('./debt/debt.ts')).explain() },
      check: { summary: 'fail where debt blocks or grew', load: async () => (await import('./debt/debt.ts')).check() },
      plan: { summary: 'what each team pays, and which features slip', load: async () => (await import('./debt/plan.ts')).planCommand() },
      teams: {
        summary: 'who owns and knows what, and how full teams are',
        load: async () => (await import('./debt/teams.ts')).teamsCommand(),
      },
      onboard: { summary: 'where to begin with a component', load: async () => (await import('./debt/onboard.ts')).onboardCommand() },
      report: { summary: 'all of it as one HTML page', load: async () => (await import('./debt/report/report.ts')).reportCommand() },
      key: {
        summary: 'make and register the key that facts are signed with',
        load: async () => (await import('./debt/debt-upload.ts')).debtKey(),
      },
      upload: { summary: 'sign facts and upload them', load: async () => (await import('./debt/debt-upload.ts')).debtUpload() },
      repro: { summary: 'run a recipe again and compare', load: async () => (await import('./debt/recipes/repro.ts')).repro() },
    },
  },
  assumptions: {
    summary: 'the assumptions of capacity plans, with sources',
    load: async () => (await import('./planning/capacity.ts')).assumptions(),
  },
  models: {
    summary: 'register models and decide which serve; build, measure, verify, shrink and judge them',
    commands: {
      add: { summary: 'register the files of a folder as a version', load: async () => (await import('./models/add.ts')).addModel() },
      list: { summary: 'the models that you may use', load: async () => (await import('./models/registered.ts')).listModels() },
      show: { summary: 'a model, its versions and its history', load: async () => (await import('./models/registered.ts')).showModel() },
      promote: { summary: 'have a version serve', load: async () => (await import('./models/registered.ts')).promoteModel() },
      rollback: { summary: 'have the version before serve', load: async () => (await import('./models/registered.ts')).rollbackModel() },
      alias: { summary: 'give a model another name', load: async () => (await import('./models/registered.ts')).aliasModel() },
      remove: { summary: 'delete a model or retire a version', load: async () => (await import('./models/registered.ts')).removeModel() },
      build: { summary: 'build the model from its sources', load: async () => (await import('./models/build.ts')).build() },
      measure: {
        summary: 'what the model finds, and what a text costs',
        load: async () => (await import('./models/measure.ts')).measure(),
      },
      verify: {
        summary: 'check the committed model against its manifest',
        load: async () => (await import('./models/verify.ts')).verify(),
      },
      card: {
        summary: "write a derived model's card from what was measured",
        load: async () => (await import('./models/card.ts')).card(),
      },
      texts: {
        summary: 'collect texts to distil a model with',
        load: async () => (await import('./models/texts.ts')).texts(),
      },
      distil: {
        summary: 'fit a static student to a teacher',
        load: async () => (await import('./models/distil.ts')).distil(),
      },
      gate: {
        summary: 'judge a model by the one it was made from',
        load: async () => (await import('./models/gate.ts')).gate(),
      },
      prune: {
        summary: 'leave out words, dimensions or layers of a model',
        load: async () => (await import('./models/prune.ts')).prune(),
      },
      quantize: {
        summary: 'make a model smaller: 8 or 4 bits a number',
        load: async () => (await import('./models/quantize.ts')).quantize(),
      },
    },
  },
  sim: {
    summary: 'run traces through the scheduler',
    commands: {
      gavel: {
        summary: 'jobs on accelerators of several types, compared with Gavel',
        load: async () => (await import('./sim/gavel.ts')).gavel(),
      },
      load: { summary: 'generated jobs', load: async () => (await import('./sim/jobs.ts')).load() },
      openb: {
        summary: 'an openb trace: accelerators allocated, compared with FGD',
        load: async () => (await import('./sim/openb.ts')).openb(),
      },
      philly: { summary: 'a Philly trace', load: async () => (await import('./sim/jobs.ts')).philly() },
    },
  },
};

/** Adds the commands of a group; only the one that `words` name is loaded, of the others the summary is enough. */
async function add(group: Command, commands: Readonly<Record<string, Entry>>, words: readonly string[]): Promise<Command> {
  const [word, ...rest] = words;
  for (const [name, { summary, load, commands: below = {} }] of Object.entries(commands)) {
    if (name === word && load !== undefined) group.addCommand(await load());
    else group.addCommand(await add(command(name, summary), below, name === word ? rest : []));
  }
  return group;
}

/** The command line, with the command that `words` name loaded. */
export const programFor = (words: readonly string[]): Promise<Command> =>
  add(
    command('sluice', 'Works with a running Sluice gateway, and plans and simulates one.')
      // Behind a command `--version` is an option of that command.
      .enablePositionalOptions()
      .version(CONTRACT_VERSION, '--version', 'print the version'),
    COMMANDS,
    words,
  );
