import type { BillingObject } from '../../../../durable-objects/billing-object.ts';
import type { BillingLedger } from '../../../../src/gateway/tenancy/billing-ledger.ts';
import type { Remote } from '../../../../src/kernel/remote.ts';

type Metering = 'record' | 'raise' | 'usage' | 'cacheStats' | 'callHours' | 'inputHistograms';

/** All that the Workers of the API ask of the ledger of an organisation. */
export interface BillingCalls extends BillingLedger, Remote<Pick<BillingObject, Metering>> {}
