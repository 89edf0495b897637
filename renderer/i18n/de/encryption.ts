/** Verschlüsselung auf Deutsch. */
import type { encryption as english } from '../en/encryption.js'

export const encryption: Record<keyof typeof english, string> = {
  'message.undecryptable': 'Eine verschlüsselte Nachricht, die hier nicht lesbar ist',
  'locked.trying': 'Wird entschlüsselt …',
  'locked.missing': 'Der Schlüssel zu dieser Nachricht ist noch nicht da.',
  'locked.missingHelp':
    'Sie wird lesbar, sobald das Gerät des Absenders ihn schickt; vielleicht muss es dazu online sein.',
  'locked.withheld': 'Das Gerät des Absenders hat diesem Gerät den Schlüssel nicht gegeben.',
  'locked.withheldHelp': 'Es sagt: {code}',
  'locked.withheld.m.unverified': 'Der Absender gibt Schlüssel nur an bestätigte Geräte.',
  'locked.withheld.m.blacklisted': 'Der Absender hat dieses Gerät gesperrt.',
  'locked.withheld.m.unauthorised': 'Dieses Gerät darf sie nicht lesen.',
  'locked.withheld.m.no_olm':
    'Das andere Gerät konnte dieses nicht sicher erreichen. Mit späteren Nachrichten kann es gehen.',
  'locked.notMember': 'Gesendet, als du nicht in diesem Raum warst.',
  'locked.notMemberHelp': 'Den Schlüssel bekamen die, die da waren.',
  'locked.beforeDevice': 'Gesendet, bevor du dich hier angemeldet hast.',
  'locked.beforeDeviceHelp':
    'Bestätige dieses Gerät in den Einstellungen unter Sicherheit, und was gesichert ist, wird hier lesbar.',
  'locked.laterKey': 'Der Schlüssel, der kam, öffnet nur spätere Nachrichten.',
  'locked.laterKeyHelp': 'Ein anderes Gerät, auf dem du angemeldet bist, hat vielleicht den früheren.',
  'locked.forged': 'Diese Nachricht ist nicht von dem, der als Absender dasteht.',
  'locked.forgedHelp': 'Ihr Inhalt wird nicht gezeigt. Sag es denen, die den Server des Absenders betreiben.',
  'locked.broken': 'Diese Nachricht ist beschädigt oder auf eine Art verschlüsselt, die hier niemand kennt.',
  'locked.unavailable': 'Diese Seite kann nicht entschlüsseln.',
  'locked.insecureHelp':
    'Sie kam über eine Verbindung ohne TLS. Öffne sie über ihre https-Adresse oder in der Hearth-App.',
  'locked.lostHelp': 'Ihre Schlüssel sind aus diesem Browser verschwunden. Melde dich ab und neu an.',
  'locked.failedHelp': 'Ihr Teil für die Verschlüsselung ließ sich nicht starten. Lade die Seite neu.',
  'warning.unknownDevice': 'Von einem Gerät, das es nicht mehr gibt oder das nie bekannt gemacht wurde',
  'warning.unsignedDevice': 'Von einem Gerät, das sein Besitzer nicht bestätigt hat',
  'warning.changedIdentity': 'Die Identität dieser Person ist eine andere, seit du sie bestätigt hast',
  'warning.uncertain': 'Wer das geschrieben hat, lässt sich auf diesem Gerät nicht sicher sagen',
}
