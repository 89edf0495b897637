/** Texte des ersten Starts und der Passwortwahl. */
export const onboarding = {
  'setup.step': 'Schritt {at} von {of}',
  'setup.next': 'Weiter',
  'setup.finish': 'Server starten',
  'setup.finishing': 'Wird eingerichtet …',

  'setup.who.title': 'Wer bist du?',
  'setup.who.text': 'Dein Server startet gleich. Hier entsteht sein erstes Konto: deines, und du verwaltest ihn.',
  'setup.who.user': 'Dein Benutzername',
  'setup.who.server': 'Name deines Servers',
  'setup.who.serverHint':
    'Eine Domain, die dir gehört, wenn Leute auf anderen Servern dich erreichen sollen; sonst ein beliebiger Name wie home.local.',
  'setup.who.serverFixed': 'In der Konfiguration heißt dieser Server {server}.',
  'setup.who.permanent':
    'Der Name des Servers lässt sich nie mehr ändern. Er ist Teil der Adresse von allen, die hier sind.',
  'setup.who.rehearsal': 'So sehen dich andere',
  'setup.who.you': 'du',
  'setup.who.name': 'name',
  'setup.who.needUser': 'Wähle einen Benutzernamen.',
  'setup.who.needServer': 'Wähle einen Namen für den Server.',
  'setup.who.badServer': 'Ein Servername ist wie der Name einer Website: Buchstaben, Ziffern, Punkte und Bindestriche.',
  'setup.who.reserved': '{name} heißt der Server selbst. Wähle einen anderen Namen.',

  'setup.reach.title': 'Wer soll dich erreichen?',
  'setup.reach.text': 'Das lässt sich später ändern, der Name nicht.',
  'setup.reach.local': 'Nur Leute hier',
  'setup.reach.localText':
    'Alle, für die du ein Konto anlegst, auf diesem Rechner und in deinem Heimnetz. Nichts verlässt das Haus.',
  'setup.reach.federated': 'Leute auf jedem Matrix-Server',
  'setup.reach.federatedText':
    'Du kannst Räumen anderswo beitreten und allen auf Matrix schreiben. Andere erreichen dich, sobald {server} zu diesem Rechner führt.',
  'setup.reach.notADomain':
    'Andere Server können „{server}“ nicht finden: Das ist kein Domainname. Geh zurück und wähle einen, der dir gehört, oder bleib unter Leuten hier.',

  'setup.place.title': 'Wo liegt alles?',
  'setup.place.text': 'Alles liegt in einem Ordner auf diesem Rechner: Nachrichten, Medien und Schlüssel.',
  'setup.place.folder': 'Datenordner',
  'setup.place.backup': 'Wer diesen Ordner hat, hat alles. Sichere ihn, vor allem die Schlüssel darin.',
  'setup.place.elsewhere': 'Soll er woanders liegen, beende jetzt und starte mit --data-dir ORDNER.',
  'setup.place.summary': 'Du wirst {id} sein.',
  'setup.place.summaryLocal': 'Nur Leute hier erreichen dich.',
  'setup.place.summaryFederated': 'Leute auf jedem Matrix-Server erreichen dich.',

  'setup.closed': 'Dieser Server ist noch nicht eingerichtet',
  'setup.closedText':
    'Öffne ihn unter der Adresse, die er beim Start ausgegeben hat und die auf #setup=… endet. Sie gilt einmal, auf dem Rechner selbst oder durch einen Tunnel zu ihm.',
  'setup.failed': 'Dieser Server konnte nicht gefragt werden, ob er eingerichtet ist.',
  'setup.already': 'Dieser Server ist schon eingerichtet. Lade neu, um dich anzumelden.',

  'password.short': 'Mindestens 8 Zeichen.',
  'password.weak': 'Leicht zu erraten. Ein paar Wörter mehr machen es stark.',
  'password.fair': 'Brauchbar. Länger ist besser.',
  'password.good': 'Stark.',
  'password.show': 'Passwort zeigen',
  'password.hide': 'Passwort verbergen',
} as const
