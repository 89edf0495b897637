/**
 * Room keys as a file.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#key-exports
 */
import { OlmMachine } from '@matrix-org/matrix-sdk-crypto-wasm'

const rounds = 200_000

export function makeKeyFile(machine: OlmMachine) {
  return {
    exportKeys: async ({ passphrase }: { passphrase: string }): Promise<string> =>
      OlmMachine.encryptExportedRoomKeys(await machine.exportRoomKeys(() => true), passphrase, rounds),
    /** @returns how many were new here */
    async importKeys({ text, passphrase }: { text: string; passphrase: string }): Promise<number> {
      const keys = OlmMachine.decryptExportedRoomKeys(text, passphrase)
      const { importedCount } = await machine.importExportedRoomKeys(keys, () => undefined)
      return importedCount
    },
  }
}
