import type { EndpointName, ENDPOINTS } from '../../endpoints.ts';
import { answered } from './example.ts';
import type { ExampleOf } from './example.ts';

const line = (id: string, input: string): string =>
  `{"custom_id": "${id}", "method": "POST", "url": "/v1/embeddings", "body": {"model": "glove-sif-100", "input": "${input}"}}\n`;

const INPUT = line('1', 'a sluice lets through just enough water') + line('2', 'a weir holds back the river');
const OUTPUT = '{"id": "1", "custom_id": "1", "response": null, "error": {"code": "example", "message": "made by hand"}}\n';

const PAIRS =
  '{"anchor": "what does a sluice do", "positive": "it lets through just enough water"}\n' +
  '{"anchor": "what does a weir do", "positive": "it holds back the river"}\n';

const file = { file: answered('uploadFile', 'id') };
const upload = { upload: answered('createUpload', 'id') };
const job = { job: answered('createJob', 'id') };
/** Of a message batch that there is not: whether one has ended depends on the time. */
const noMessageBatch = { message_batch: 'msgbatch_0123456789abcdefghjkmnpqrs' };
const messageBatch = { message_batch: answered('createMessageBatch', 'id') };
const batch = { batch: answered('createBatch', 'id') };
const tuning = { tuning: answered('createFineTuningJob', 'id') };
const pool = { pool: answered('createPool', 'id') };
const node = { ...pool, node: answered('registerAgent', 'agent') };
const attempt = { ...pool, attempt: answered('leaseWork', 'assignment.attempt') };
const fence = answered('leaseWork', 'assignment.fence');

/** A file, a job on it, and an agent of a pool that runs the job by hand. */
export const jobExamples = {
  uploadFile: { body: { purpose: 'batch', file: INPUT } },
  listFiles: {},
  getFile: { params: file },
  getFileContent: { params: file },
  deleteFile: { params: file },
  createUpload: { body: { filename: 'pairs.jsonl', purpose: 'fine-tune', bytes: PAIRS.length, mime_type: 'text/jsonl' } },
  addUploadPart: { params: upload, body: { data: PAIRS } },
  completeUpload: { params: upload, body: { part_ids: [answered('addUploadPart', 'id')] } },
  cancelUpload: { params: upload },
  createJob: { body: { kind: 'batch_embedding', model: 'glove-sif-100', input_file: answered('uploadFile', 'id') } },
  listJobs: { query: { state: 'pending' } },
  getJob: { params: job },
  explainJob: { params: job },
  planJob: { body: { kind: 'batch_embedding', model: 'glove-sif-100', input_file: answered('uploadFile', 'id') } },
  getJobLogs: { params: job },
  cancelJob: { params: job },
  suspendJob: { params: job },
  resumeJob: { params: job },
  preemptJob: { params: job, query: { attempt: 1 } },
  resizeJob: { params: job, body: { nodes: 1 } },
  reprioritiseJob: { params: job, body: { priority: 'high' } },
  listJobAttempts: { params: job },
  getJobCost: { params: job },
  embedOnJob: { params: job, body: { model: 'glove-sif-100', input: ['canal', 'lock'] }, refused: 'state_conflict' },
  getJobEvents: { params: job, query: { follow: 'false' } },
  createBatch: {
    body: {
      input_file_id: answered('uploadFile', 'id'),
      endpoint: '/v1/embeddings',
      completion_window: '24h',
      metadata: { purpose: 'nightly embeddings' },
    },
  },
  listBatches: {},
  getBatch: { params: batch },
  cancelBatch: { params: batch },
  createMessageBatch: {
    body: {
      requests: [{ custom_id: 'first', params: { model: 'lab/small', max_tokens: 100, messages: [{ role: 'user', content: 'hello' }] } }],
    },
  },
  listMessageBatches: {},
  getMessageBatch: { params: messageBatch },
  cancelMessageBatch: { params: messageBatch },
  getMessageBatchResults: { params: noMessageBatch, refused: 'batch_not_found' },
  deleteMessageBatch: { params: noMessageBatch, refused: 'batch_not_found' },
  createFineTuningJob: {
    body: {
      model: 'glove-sif-100',
      training_file: answered('completeUpload', 'file.id'),
      suffix: 'support',
      seed: 7,
      method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 3 } } },
    },
  },
  listFineTuningJobs: {},
  getFineTuningJob: { params: tuning },
  cancelFineTuningJob: { params: tuning },
  pauseFineTuningJob: { params: tuning },
  resumeFineTuningJob: { params: tuning },
  listFineTuningEvents: { params: tuning },
  listFineTuningCheckpoints: { params: tuning },

  createReservation: {
    as: 'admin',
    body: { tenant: answered('createTenant', 'id'), accelerator: 'h100', count: 4, end: 1_900_000_000 },
    refused: 'limit_exceeded',
  },
  listReservations: { as: 'tenant' },
  getReservation: { as: 'tenant', params: { reservation: `rsv_${'0'.repeat(20)}` }, refused: 'reservation_not_found' },
  deleteReservation: { as: 'tenant', params: { reservation: `rsv_${'0'.repeat(20)}` }, refused: 'reservation_not_found' },
  createCohort: {
    body: {
      name: 'research',
      weight: 2,
      quotas: { h100: { nominal: 4, borrowing_limit: 4 } },
      organisation: answered('createOrganisation', 'id'),
    },
  },
  listCohorts: {},
  getCohort: { params: { cohort: 'research' } },
  changeCohort: { params: { cohort: 'research' }, body: { weight: 3 } },
  deleteCohort: { params: { cohort: 'research' } },
  createQueue: {
    body: {
      name: 'nightly',
      weight: 2,
      quotas: { h100: { borrowing_limit: 2 } },
      priority: { max: 50 },
      preemption: { within_queue: 'lower_priority' },
      time_slice: { round_s: 360, move_s: 60 },
    },
  },
  listQueues: {},
  getQueue: { params: { queue: 'nightly' } },
  changeQueue: { params: { queue: 'nightly' }, body: { stop_policy: 'hold' } },
  deleteQueue: { params: { queue: 'nightly' } },

  createPool: { body: { name: 'workshop', owner: 'platform-team', prices: [{ accelerator: 'l4', usd_per_hour: '0.55' }] } },
  listPools: {},
  getPool: { params: pool },
  changePool: {
    params: pool,
    body: { placer: 'tightest_fit', eviction: { min_runtime_s: 60, max_grace_s: 30 } },
  },
  setPoolPrice: { params: pool, body: { accelerator: 'h100', usd_per_hour: '2.50', margin_per_mille: 200 } },
  listPoolPrices: { params: pool },
  listNodes: { params: pool },
  cordonNode: { params: node },
  uncordonNode: { params: node },
  drainNode: { params: node },
  noticeNode: { params: node, body: { in_s: 120 } },
  rotatePoolToken: { params: pool, body: { grace_s: 3600 } },
  deletePool: { params: pool, query: { force: 'true' } },
  registerAgent: { params: pool, body: { name: 'by-hand', weights_max_mib: 512 } },
  agentNotice: { params: { ...pool, agent: answered('registerAgent', 'agent') }, body: { in_s: 120 } },
  poolDemand: { params: pool, body: { provider: 'machines', wait_ms: 0 } },
  leaseWork: { params: pool, body: { agent: answered('registerAgent', 'agent'), wait_ms: 1000, weights: [] } },
  heartbeat: { params: attempt, body: { fence, progress: { completed: 0, failed: 0, total: 2 } } },
  readInput: { params: attempt, query: { fence } },
  writeOutput: { params: attempt, query: { fence }, body: OUTPUT },
  signTransfer: { params: attempt, body: { fence, artifact: 'input', method: 'GET' } },
  readTransfer: { params: { token: 'e30.0000000000000000000000000000000000000000000' }, refused: 'scope_denied' },
  writeTransfer: { params: { token: 'e30.0000000000000000000000000000000000000000000' }, body: OUTPUT, refused: 'scope_denied' },
  meetPeers: { params: attempt, body: { fence, address: '10.0.0.7:29500' } },
  writeCheckpoint: {
    params: attempt,
    query: { fence, sha256: '9abeae640633a4fc0de2e8baaef123ffa00ae42aa1bfbf9485399d750930b283' },
    body: 'epoch 3\n',
  },
  readCheckpoint: { params: attempt, query: { fence } },
  // The job of this attempt works with a model of the deployment.
  readAttemptModel: { params: attempt, query: { fence }, refused: 'model_not_found' },
  readAttemptModelFile: {
    params: attempt,
    query: { fence, sha256: '9abeae640633a4fc0de2e8baaef123ffa00ae42aa1bfbf9485399d750930b283' },
    refused: 'model_not_found',
  },
  // The job of this attempt builds no index.
  beginBuild: { params: attempt, body: { fence }, refused: 'state_conflict' },
  readBuildSample: { params: attempt, query: { fence, from: 0 }, refused: 'state_conflict' },
  commitBuild: {
    params: attempt,
    query: { fence, sha256: '9abeae640633a4fc0de2e8baaef123ffa00ae42aa1bfbf9485399d750930b283' },
    body: 'epoch 3\n',
    refused: 'state_conflict',
  },
  appendLog: { params: attempt, query: { fence, at: 0 }, body: 'loading the model\n' },
  completeAttempt: { params: attempt, body: { fence, progress: { completed: 1, failed: 1, total: 2 }, tokens: 8 } },
  failAttempt: { params: attempt, body: { fence, reason: 'released', message: 'the machine is needed elsewhere' } },

  health: {},
  ready: {},
  metrics: { as: 'admin' },
} as const satisfies { readonly [N in EndpointName]?: ExampleOf<(typeof ENDPOINTS)[N]> };
