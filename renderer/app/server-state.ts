/** What a server says of itself to anybody: whether its first-run questions are open, and its name. */
import type { MatrixHttp } from '../platform/matrix/http.js'

export type ServerState = { isNew: boolean; serverName?: string }

/** @returns not new also when the server does not say: then it can only be signed in to */
export async function readServerState(http: MatrixHttp): Promise<ServerState> {
  try {
    const path = '/_hearth/client/v1/onboarding'
    const { state, server_name } = await http.request<{ state?: string; server_name?: string }>('GET', path, {
      isPublic: true,
    })
    return { isNew: state === 'needed', ...(server_name === undefined ? {} : { serverName: server_name }) }
  } catch {
    return { isNew: false }
  }
}
