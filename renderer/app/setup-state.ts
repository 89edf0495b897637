/** Whether this server still has its first-run questions open. */
import type { MatrixHttp } from '../platform/matrix/http.js'

/** @returns false also when the server does not say: then it can only be signed in to */
export async function readSetupNeeded(http: MatrixHttp): Promise<boolean> {
  try {
    const path = '/_hearth/client/v1/onboarding'
    const { state } = await http.request<{ state?: string }>('GET', path, { isPublic: true })
    return state === 'needed'
  } catch {
    return false
  }
}
