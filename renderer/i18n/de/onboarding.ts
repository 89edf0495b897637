/** Texte des ersten Starts und der Passwortwahl. */
export const onboarding = {
  'setup.step': 'Schritt {at} von {of}',
  'setup.next': 'Weiter',
  'setup.finish': 'Server starten',
  'setup.finishing': 'Wird eingerichtet …',
  'setup.rehearsal': 'So sehen dich andere',
  'setup.rehearsal.you': 'du',
  'setup.rehearsal.server': 'name',

  'setup.name.title': 'Wie heißt du hier?',
  'setup.name.text': 'Dein Server startet gleich. Sein erstes Konto ist deines, und du verwaltest ihn.',
  'setup.name.user': 'Dein Benutzername',
  'setup.name.hint': 'Kleinbuchstaben und Ziffern. Er lässt sich nicht mehr ändern; der angezeigte Name schon.',
  'setup.name.need': 'Wähle einen Benutzernamen.',
  'setup.name.reserved': '{name} heißt der Server selbst. Wähle einen anderen Namen.',

  'setup.server.title': 'Wie heißt dein Server?',
  'setup.server.text': 'Der Name ist Teil der Adresse von allen, die hier sind.',
  'setup.server.name': 'Name deines Servers',
  'setup.server.hint':
    'Ein beliebiger Name wie home.local; oder eine Domain, die dir gehört, wenn andere Matrix-Server ihn einmal finden sollen.',
  'setup.server.permanent': 'Dieser Name lässt sich nie mehr ändern.',
  'setup.server.need': 'Wähle einen Namen für den Server.',
  'setup.server.bad': 'Ein Servername ist wie der Name einer Website: Buchstaben, Ziffern, Punkte und Bindestriche.',

  'setup.password.title': 'Wähle ein Passwort',
  'setup.password.text': 'Wer es hat, kann auf diesem Server alles sehen und ändern.',

  'setup.reach.title': 'Für wen ist er?',
  'setup.reach.text': 'Das lässt sich später ändern.',
  'setup.reach.local': 'Leute hier',
  'setup.reach.localText':
    'Alle, die du einlädst: zuerst an diesem Rechner, und in deinem Heimnetz, sobald du das unter Zentrale, Erreichbarkeit einschaltest.',
  'setup.reach.federated': 'Auch Leute auf anderen Matrix-Servern',
  'setup.reach.federatedText':
    'Dafür reicht dieser Schritt nicht: {server} muss aus dem Internet zu diesem Rechner führen, mit einem Zertifikat, und das kann Hearth noch nicht für dich einrichten. Bis dahin erreicht dich von dort niemand, und du erreichst dort niemanden.',
  'setup.reach.notADomain':
    'Andere Server können „{server}“ nicht finden: Das ist kein Domainname. Geh zurück und wähle einen, der dir gehört, oder bleib unter Leuten hier.',

  'setup.ready.title': 'Bereit',
  'setup.ready.text': 'Alles liegt in einem Ordner auf diesem Rechner: Nachrichten, Medien und Schlüssel.',
  'setup.ready.you': 'Du wirst {id} sein.',
  'setup.ready.local': 'Zuerst erreicht nur dieser Rechner deinen Server.',
  'setup.ready.federated':
    'Zuerst erreicht nur dieser Rechner deinen Server; unter Zentrale, Erreichbarkeit steht, was fehlt, bis andere Server es tun.',
  'setup.ready.folder': 'Datenordner',
  'setup.ready.backup': 'Wer diesen Ordner hat, hat alles. Sichere ihn, vor allem die Schlüssel darin.',
  'setup.ready.elsewhere': 'Soll er woanders liegen, beende jetzt und starte mit --data-dir ORDNER.',

  'setup.closed': 'Dieser Server ist noch nicht eingerichtet',
  'setup.closedText':
    'Öffne ihn unter der Adresse, die er beim Start ausgegeben hat und die auf #setup=… endet. Sie gilt einmal, auf dem Rechner selbst oder durch einen Tunnel zu ihm.',
  'setup.failed': 'Dieser Server konnte nicht gefragt werden, ob er eingerichtet ist.',
  'setup.already': 'Dieser Server ist schon eingerichtet. Lade neu, um dich anzumelden.',

  'password.short': 'Mindestens 8 Zeichen.',
  'password.weak': 'Leicht zu erraten. Ein paar Wörter mehr machen es stark.',
  'password.fair': 'Brauchbar. Länger ist besser.',
  'password.good': 'Stark.',
  'password.refused': 'Das ist zu leicht zu erraten. Ein paar Wörter mehr machen es stark.',
  'password.same': 'Dieses Passwort hast du schon. Wähle ein anderes.',
  'password.show': 'Passwort zeigen',
  'password.hide': 'Passwort verbergen',
  'password.ownTitle': 'Wähle ein eigenes Passwort',
  'password.ownText':
    'Deines hat dir jemand gegeben, der diesen Server betreibt, und kennt es daher. Ab jetzt solltest nur du es kennen.',
  'password.handedOut': 'Passwort, das du bekommen hast',
  'password.own': 'Dein eigenes Passwort',
  'password.keep': 'Dieses nehmen',
} as const
