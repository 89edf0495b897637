/** Texts of the first run, and of choosing a password. */
export const onboarding = {
  'setup.step': 'Step {at} of {of}',
  'setup.next': 'Continue',
  'setup.finish': 'Start your server',
  'setup.finishing': 'Setting up…',

  'setup.who.title': 'Who are you?',
  'setup.who.text': 'Your server is about to start. This makes its first account: yours, and you run it.',
  'setup.who.user': 'Your user name',
  'setup.who.server': 'Name of your server',
  'setup.who.serverHint':
    'A domain that is yours, if people on other servers are to reach you; otherwise any name, such as home.local.',
  'setup.who.serverFixed': 'The configuration names this server {server}.',
  'setup.who.permanent': 'The server’s name can never be changed. It is part of the address of everyone here.',
  'setup.who.rehearsal': 'This is how others will see you',
  'setup.who.you': 'you',
  'setup.who.name': 'name',
  'setup.who.needUser': 'Choose a user name.',
  'setup.who.needServer': 'Choose a name for the server.',
  'setup.who.badServer': 'A server name is like the name of a website: letters, digits, dots and hyphens.',
  'setup.who.reserved': 'The name {name} is the server’s own. Choose another.',

  'setup.reach.title': 'Who should reach you?',
  'setup.reach.text': 'This can be changed later; the name cannot.',
  'setup.reach.local': 'Only people here',
  'setup.reach.localText':
    'Everyone you make an account for, on this machine and your home network. Nothing leaves the house.',
  'setup.reach.federated': 'People on any Matrix server',
  'setup.reach.federatedText':
    'You can join rooms elsewhere and write to everyone on Matrix. Others reach you once {server} leads to this machine.',
  'setup.reach.notADomain':
    'Other servers cannot find “{server}”: that is no domain name. Go back and choose one that is yours, or stay among people here.',

  'setup.place.title': 'Where does it live?',
  'setup.place.text': 'Everything is kept in one folder on this machine: messages, media and keys.',
  'setup.place.folder': 'Data folder',
  'setup.place.backup': 'Whoever has this folder has everything. Back it up, above all the keys in it.',
  'setup.place.elsewhere': 'To keep it elsewhere, quit now and start with --data-dir FOLDER.',
  'setup.place.summary': 'You will be {id}.',
  'setup.place.summaryLocal': 'Only people here reach you.',
  'setup.place.summaryFederated': 'People on any Matrix server reach you.',

  'setup.closed': 'This server has not been set up yet',
  'setup.closedText':
    'Open it at the address that it printed when it was started, the one that ends in #setup=… It works once, on the machine itself or through a tunnel to it.',
  'setup.failed': 'This server could not be asked whether it is set up.',
  'setup.already': 'This server is set up already. Reload to sign in.',

  'password.short': 'At least 8 characters.',
  'password.weak': 'Easy to guess. A few more words make it strong.',
  'password.fair': 'Fair. Longer is better.',
  'password.good': 'Strong.',
  'password.show': 'Show password',
  'password.hide': 'Hide password',
} as const
