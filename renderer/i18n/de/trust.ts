/** Texte über Schlüssel, Geräte und Menschen, denen man traut. */

import type { trust as english } from '../en/trust.js'
import type { PluralForms } from '../index.js'

export const trust: Record<keyof typeof english, string | PluralForms> = {
  'create.encrypted': 'Ende-zu-Ende verschlüsseln',
  'create.encryptedHint': 'Nur wer im Raum ist, kann lesen, was gesagt wird. Das bleibt so.',
  'roomSettings.encryption': 'Ende-zu-Ende-Verschlüsselung',
  'roomSettings.encryptionOn':
    'Nur wer im Raum ist, kann lesen, was gesagt wird. Das lässt sich nicht mehr ausschalten.',
  'roomSettings.encryptionOff': 'Die Server derer, die im Raum sind, können lesen, was gesagt wird.',
  'roomSettings.encryptionAsk':
    'Einmal an, bleibt sie an. Was vorher gesagt wurde, bleibt, wie es ist; Bots und Brücken verstehen vielleicht nicht, was dann kommt.',
  'roomSettings.encrypt': 'Verschlüsselung einschalten',
  'security.title': 'Verschlüsselung',
  'security.starting': 'Der Stand deiner Schlüssel wird geprüft …',
  'security.verified':
    'Dieses Gerät ist bestätigt. Es kann deine verschlüsselten Nachrichten lesen und deine anderen Geräte bestätigen.',
  'security.unverified':
    'Dieses Gerät ist noch nicht bestätigt. Nachrichten von vor deiner Anmeldung hier kann es nicht lesen.',
  'security.verify': 'Dieses Gerät bestätigen',
  'security.noRecovery':
    'Es gibt noch keinen Wiederherstellungsschlüssel. Verlierst du alle deine Geräte, sind deine verschlüsselten Nachrichten verloren.',
  'security.recovery':
    'Ein Wiederherstellungsschlüssel ist eingerichtet. Mit ihm holst du deine verschlüsselten Nachrichten auf ein neues Gerät.',
  'security.setUp': 'Wiederherstellungsschlüssel einrichten',
  'security.setUpAgain': 'Neuen Wiederherstellungsschlüssel machen',
  'security.backup': {
    one: '{done} von {count} Schlüssel ist gesichert.',
    other: '{done} von {count} Schlüsseln sind gesichert.',
  },
  'security.backupOff': 'Deine Schlüssel sind nicht gesichert.',
  'security.banner.recovery':
    'Damit deine verschlüsselten Nachrichten bleiben: Bewahre einen Wiederherstellungsschlüssel auf, falls du dieses Gerät verlierst.',
  'security.banner.verify': 'Bestätige dieses Gerät, um deine früheren verschlüsselten Nachrichten zu lesen.',
  'security.setUpBriefly': 'Einrichten',
  'security.later': 'Später',
  'recovery.title': 'Wiederherstellungsschlüssel',
  'recovery.why':
    'Deine Nachrichten sind verschlüsselt, und nur du hast die Schlüssel, nicht einmal, wer diesen Server betreibt. Dieser Schlüssel bringt sie zurück, wenn du deine Geräte verlierst.',
  'recovery.make': 'Wiederherstellungsschlüssel machen',
  'recovery.label': 'Dein Wiederherstellungsschlüssel',
  'recovery.keep': 'Schreib ihn auf oder leg ihn in deinen Passwortmanager. Er wird nur dieses eine Mal gezeigt.',
  'recovery.kept': 'Ich habe ihn aufbewahrt',
  'recovery.enter': 'Gib deinen Wiederherstellungsschlüssel ein',
  'recovery.enterHint': 'Zwölf Gruppen aus vier Buchstaben und Ziffern. Du hast ihn beim Einrichten gesehen.',
  'recovery.wrong': 'Das ist nicht der Wiederherstellungsschlüssel dieses Kontos. Such nach vertippten Zeichen.',
  'recovery.restore': 'Wiederherstellen',
  'recovery.restored': 'Dieses Gerät ist bestätigt, und deine Nachrichten sind wieder da.',
  'verify.title': 'Dieses Gerät bestätigen',
  'verify.how': 'Zeig, dass du es bist, und dieses Gerät kann deine früheren Nachrichten lesen.',
  'verify.withDevice': 'Mit einem anderen Gerät',
  'verify.withDeviceText': 'Vergleiche Emoji mit einem Gerät, auf dem du angemeldet bist.',
  'verify.withKey': 'Wiederherstellungsschlüssel eingeben',
  'verify.withKeyText': 'Den, den du aufgeschrieben hast.',
  'verify.asking': 'Nimm auf deinem anderen Gerät an. Die Anfrage wird dort jetzt gezeigt.',
  'verify.askingPerson': '{name} muss annehmen. Die Anfrage wird dort jetzt gezeigt.',
  'verify.asked': 'Ein anderes Gerät will bestätigt werden',
  'verify.askedText': 'Meldest du dich gerade auf einem anderen Gerät an? Dann vergleiche die Emoji.',
  'verify.askedPerson': '{name} will dich bestätigen',
  'verify.askedPersonText': 'Ihr seht beide Emoji. Sagt einander, welche; am besten persönlich oder am Telefon.',
  'verify.accept': 'Emoji vergleichen',
  'verify.decline': 'Das bin ich nicht',
  'verify.declinePerson': 'Jetzt nicht',
  'verify.starting': 'Die beiden werden verbunden …',
  'verify.compare': 'Zeigen beide dasselbe, in derselben Reihenfolge?',
  'verify.same': 'Sie sind gleich',
  'verify.different': 'Sie sind verschieden',
  'verify.confirmed': 'Wartet, bis die andere Seite bestätigt …',
  'verify.done': 'Bestätigt',
  'verify.doneOwn': 'Beide Geräte vertrauen einander jetzt.',
  'verify.donePerson': 'Du weißt jetzt, dass du wirklich {name} schreibst.',
  'verify.cancelled': 'Nicht bestätigt',
  'verify.cancelledText': 'Die Bestätigung wurde beendet oder hat zu lange gedauert.',
  'verify.differentText':
    'Die Emoji waren verschieden. Vielleicht ist jemand dazwischen, oder es war eine andere Anfrage. Versuch es noch einmal mit beiden Geräten zur Hand.',
  'verify.elsewhere': 'Du hast auf einem anderen Gerät geantwortet.',
  'verify.person': 'Bestätigen …',
  'verify.device': 'Bestätigen',
  'verify.deviceVerified': 'Bestätigt',
  'verify.deviceUnverified': 'Nicht bestätigt',
  'verify.personVerified': 'Du hast bestätigt, dass es {name} ist.',
  'verify.personTitle': 'Ist es {name}?',
  'verify.personNone': '{name} hat noch keine Identität, die sich vergleichen ließe.',
  'verify.personSeen':
    'Vergleiche Emoji mit einem Gerät, das {name} zur Hand hat, und du weißt, dass niemand dazwischen ist.',
  'verify.personChanged':
    'Die Identität von {name} ist eine andere. Vielleicht ein Neuanfang; vielleicht antwortet jemand anders.',
  'verify.acceptChanged': 'Neue Identität annehmen',
  'signOut.title': 'Abmelden?',
  'signOut.noRecovery':
    'Die Schlüssel deiner verschlüsselten Nachrichten sind nur auf diesem Gerät. Ohne Wiederherstellungsschlüssel kannst du diese Nachrichten nie wieder lesen.',
  'signOut.notBackedUp':
    'Einige Schlüssel sind noch nicht gesichert. Was sie öffnen, wäre nicht mehr lesbar. Warte einen Moment, oder bestätige erst dieses Gerät.',
  'signOut.anyway': 'Trotzdem abmelden',
  'security.lost':
    'Die Schlüssel dieser Sitzung sind aus diesem Browser verschwunden. Melde dich neu an, um in verschlüsselten Räumen weiterzumachen.',
  'keyFile.export': 'Schlüssel in eine Datei sichern',
  'keyFile.import': 'Schlüssel aus einer Datei holen',
  'keyFile.exportHint':
    'Wer die Datei und diese Passphrase hat, kann deine Nachrichten lesen. Mindestens acht Zeichen.',
  'keyFile.importHint': 'Die, mit der die Datei gesichert wurde.',
  'keyFile.passphrase': 'Passphrase',
  'keyFile.short': 'Mindestens acht Zeichen.',
  'keyFile.save': 'Datei sichern',
  'keyFile.file': 'Datei',
  'keyFile.needFile': 'Wähle erst die Datei.',
  'keyFile.bringIn': 'Holen',
  'keyFile.wrong':
    'Die Datei ließ sich nicht öffnen: Es ist keine Schlüsseldatei, oder die Passphrase ist eine andere.',
  'keyFile.imported': { one: '{count} neuer Schlüssel.', other: '{count} neue Schlüssel.' },
}
