/**
 * Secrets sealed by the system's key store, through Electron's safeStorage.
 *
 * On Linux without a key store, safeStorage falls back to `basic_text`, a key that everybody knows.
 * That would look like protection and be none, so it is refused: a passphrase is used where
 * HEARTH_PASSPHRASE gives one, else files that only this account can read, and the app says so.
 */
import { safeStorage } from 'electron'
import type { Logger } from '../../server/kernel/logger.js'
import type { SecretBox } from '../../server/kernel/secrets.js'
import { chooseSecretBox } from '../passphrase-box.js'

const systemBox: SecretBox = {
  kind: 'system',
  // safeStorage takes text; secrets are bytes.
  seal: (plain) => safeStorage.encryptStringAsync(Buffer.from(plain).toString('base64')),
  async open(sealed) {
    const { result } = await safeStorage.decryptStringAsync(Buffer.from(sealed))
    return Buffer.from(result, 'base64')
  },
}

/** Call when the app is ready: before, the key store is unknown. */
export async function chooseDesktopSecretBox(env: NodeJS.ProcessEnv, logger: Logger): Promise<SecretBox> {
  if (env.HEARTH_PASSPHRASE) return chooseSecretBox(env)
  const isPlain = process.platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text'
  if (!isPlain && (await safeStorage.isAsyncEncryptionAvailable().catch(() => false))) return systemBox
  logger.warn('no system key store: keys are kept in files that only this account can read')
  return chooseSecretBox(env)
}
