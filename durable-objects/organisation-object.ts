import { OrganisationService } from '../src/tenancy/organisation-service.ts';
import { objectOf } from './object-of.ts';
import { systemClock, systemTimer } from './system-time.ts';

/** One organisation: its tenants, projects and API keys. */
export class OrganisationObject extends objectOf(
  OrganisationService,
  ({ storage }) => new OrganisationService(storage, systemClock, systemTimer),
) {}
