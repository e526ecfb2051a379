"""Where the judge is off: results of checks in our name go all the same (RFC 8601 §5).

Filters and people that trust Authentication-Results of this server must not read a stranger's.
"""

from mailclad.mail.headers import find_body
from mailclad.services.receive.guard import Arrived, Client, Guard, MailFrom, Opinion, Visit
from mailclad.services.receive.verdict_fields import without_forged


class Unjudged(Guard):
    def meet(self, client: Client) -> Visit:
        del client
        return _Visit()


class _Visit(Visit):
    async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
        octets = message.octets[message.start :] if message.start else message.octets
        header = octets[: find_body(octets)]
        return Opinion(replaced=without_forged(octets, header, sender.client.host_name))
