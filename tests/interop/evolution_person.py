# mypy: ignore-errors
"""What Evolution does with an account, without its windows: run by the system's Python.

It asks the registry of evolution-data-server for the account, and lets its own library (Camel)
read the inbox or send a message to oneself.  Nobody is there to except a certificate.
"""

import os
import sys

import gi

gi.require_version("EDataServer", "1.2")
gi.require_version("Camel", "1.2")
from gi.repository import Camel, EDataServer  # noqa: E402


class Session(Camel.Session):
    def do_authenticate_sync(self, service, mechanism, cancellable):
        service.set_password(os.environ["MAIL_PASSWORD"])
        result = service.authenticate_sync(mechanism, cancellable)
        return result == Camel.AuthenticationResult.ACCEPTED

    def do_get_filter_driver(self, _kind, _folder):
        self.driver = Camel.FilterDriver.new(self)
        return self.driver


def service(source, extension_name, kind):
    extension = source.get_extension(extension_name)
    made = session.add_service(source.get_uid(), extension.get_backend_name(), kind)
    source.camel_configure_service(made)
    return made


address, what, subject = sys.argv[1:]
home = os.environ["HOME"]
Camel.init(f"{home}/camel", False)
EDataServer.SourceCamel.register_types()
registry = EDataServer.SourceRegistry.new_sync(None)
session = Session(user_data_dir=f"{home}/camel-user", user_cache_dir=f"{home}/camel-cache")
session.set_online(True)
(account,) = (
    source
    for source in registry.list_sources(EDataServer.SOURCE_EXTENSION_MAIL_ACCOUNT)
    if source.get_display_name() == address
)
identity_uid = account.get_extension(EDataServer.SOURCE_EXTENSION_MAIL_ACCOUNT).get_identity_uid()
identity = registry.ref_source(identity_uid)

if what == "read":
    store = service(account, EDataServer.SOURCE_EXTENSION_MAIL_ACCOUNT, Camel.ProviderType.STORE)
    store.set_online_sync(True, None)
    store.connect_sync(None)
    inbox = store.get_folder_sync("INBOX", Camel.StoreGetFolderFlags(0), None)
    inbox.refresh_info_sync(None)
    for uid in inbox.get_uids():
        sys.stdout.write(f"{inbox.get_message_info(uid).get_subject()}\n")
else:
    transport = service(
        registry.ref_source(
            identity.get_extension(
                EDataServer.SOURCE_EXTENSION_MAIL_SUBMISSION
            ).get_transport_uid()
        ),
        EDataServer.SOURCE_EXTENSION_MAIL_TRANSPORT,
        Camel.ProviderType.TRANSPORT,
    )
    transport.connect_sync(None)
    person = identity.get_extension(EDataServer.SOURCE_EXTENSION_MAIL_IDENTITY)
    me = Camel.InternetAddress.new()
    me.add(person.get_name(), person.get_address())
    letter = Camel.MimeMessage.new()
    letter.set_subject(subject)
    letter.set_from(me)
    letter.set_recipients("To", me)
    letter.set_date(Camel.MESSAGE_DATE_CURRENT, 0)
    letter.set_content(b"Hello.\n", "text/plain")
    transport.send_to_sync(letter, me, me, None)
