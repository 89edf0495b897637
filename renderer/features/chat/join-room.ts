/**
 * Joining a room, with the reason in a person's words where it fails: their own server says which link broke
 * (`org.hearth.reason`), and their own room list whether they are banned.
 */
import type { Services } from '../../app/services.js'
import { t } from '../../i18n/index.js'
import { ExplainedError, MatrixRequestError } from '../../platform/matrix/errors.js'
import { serverNameOf } from '../../platform/matrix/login-session.js'

/**
 * @param via servers to ask when this one is not in the room yet
 * @returns the room's ID
 * @throws ExplainedError
 */
export async function joinRoom({ matrix, live }: Services, idOrAlias: string, via: string[] = []): Promise<string> {
  try {
    return await matrix.joinRoom(idOrAlias, via)
  } catch (error) {
    const isBanned = live.summaries.get().rooms?.get(idOrAlias)?.membership === 'ban'
    const text = whyNotJoined(error, idOrAlias, isBanned)
    throw text === undefined ? error : new ExplainedError(text, error)
  }
}

/** @returns undefined where nothing better can be said than of any request */
export function whyNotJoined(error: unknown, idOrAlias: string, isBanned: boolean): string | undefined {
  if (!(error instanceof MatrixRequestError)) return undefined
  const { errcode, body } = error
  const told = body['org.hearth.server']
  const server = typeof told === 'string' ? told : idOrAlias.includes(':') ? serverNameOf(idOrAlias) : '?'
  switch (body['org.hearth.reason']) {
    case 'federation-off':
      return t('joinFails.federationOff')
    case 'not-allowed':
      return t('joinFails.notAllowed', { server })
    case 'name':
    case 'private-address':
      return t('joinFails.name', { server })
    case 'certificate':
      return t('joinFails.certificate', { server })
    case 'connect':
    case 'timeout':
    case 'backing-off':
    case 'bad-answer':
    case 'too-large':
      return t('joinFails.silent', { server })
    case 'no-server':
      return t('joinFails.noServer')
  }
  if (isBanned) return t('joinFails.banned')
  if (errcode === 'M_FORBIDDEN' || errcode === 'M_UNABLE_TO_AUTHORISE_JOIN' || errcode === 'M_UNABLE_TO_GRANT_JOIN')
    return t(/\bbanned\b/i.test(error.message) ? 'joinFails.banned' : 'joinFails.forbidden')
  if (errcode === 'M_NOT_FOUND') return t(idOrAlias.startsWith('#') ? 'joinFails.noAlias' : 'joinFails.noRoom')
  if (errcode === 'M_INCOMPATIBLE_ROOM_VERSION' || errcode === 'M_UNSUPPORTED_ROOM_VERSION')
    return t('joinFails.version')
  return undefined
}
