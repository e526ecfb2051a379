"""Go: net/smtp over crypto/tls; its SendMail alone would not insist on encryption."""

from mailclad.base.tls_policy import TlsMode
from mailclad.services.client_setup.files import quoting
from mailclad.services.client_setup.files.choice import address_of, outgoing
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_PROGRAM = """\
// The password comes from the environment variable MAIL_PASSWORD.
package main

import (
	"crypto/tls"
{imports}	"log"
	"net/smtp"
	"os"
)

const (
	address = {address}
	host    = {host}
	server  = {server}
)

func sendMail(to, subject, text string) error {{
	config := &tls.Config{{ServerName: host}}
{trust}{connect}
	defer client.Close()
	login := smtp.PlainAuth("", address, os.Getenv("MAIL_PASSWORD"), host)
	if err := client.Auth(login); err != nil {{
		return err
	}}
	if err := client.Mail(address); err != nil {{
		return err
	}}
	if err := client.Rcpt(to); err != nil {{
		return err
	}}
	body, err := client.Data()
	if err != nil {{
		return err
	}}
	header := "From: <" + address + ">\\r\\nTo: <" + to + ">\\r\\n"
	header += "Subject: " + subject + "\\r\\n\\r\\n"
	if _, err := body.Write([]byte(header + text)); err != nil {{
		return err
	}}
	if err := body.Close(); err != nil {{
		return err
	}}
	return client.Quit()
}}

func main() {{
	if err := sendMail(address, "It works", "Sent by Go.\\r\\n"); err != nil {{
		log.Fatal(err)
	}}
}}
"""

_TRUST = """\
	authority, err := os.ReadFile({file})
	if err != nil {{
		return err
	}}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(authority) {{
		return errors.New("the file of the authority holds no certificate")
	}}
"""

_CONNECT = {
    TlsMode.IMPLICIT: """\
	connection, err := tls.Dial("tcp", server, config)
	if err != nil {
		return err
	}
	client, err := smtp.NewClient(connection, host)
	if err != nil {
		return err
	}""",
    TlsMode.STARTTLS: """\
	client, err := smtp.Dial(server)
	if err != nil {
		return err
	}
	if err := client.StartTLS(config); err != nil {
		return err
	}""",
}


def write(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    """A program that sends a message to oneself."""
    endpoint = outgoing(settings)
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    trust = settings.trust_file
    text = _PROGRAM.format(
        imports='\t"crypto/x509"\n\t"errors"\n' if trust else "",
        address=quoting.double_quoted(address_of(settings)),
        host=quoting.double_quoted(endpoint.host),
        server=quoting.double_quoted(f"{host}:{endpoint.port}"),
        trust=_TRUST.format(file=quoting.double_quoted(trust)) if trust else "",
        connect=_CONNECT[endpoint.tls],
    )
    return (SetupFile("", text),)
