// Types for spec-validate.mjs.
type Result = { ok: boolean; errors: string[]; endpoint: string | null }
type Exchange = { method: string; url: string; status: number; body: unknown; headers?: Headers }

export class SpecValidator {
  constructor(options?: { specDir?: string })
  /** @param id as the specification's data name it, e.g. `cs:sync` */
  validateResponse(id: string, status: number, body: unknown): Result
  /** `endpoint` is null where the specification does not know the path. */
  validateExchange(exchange: Exchange): Result
}
export function validator(): SpecValidator
