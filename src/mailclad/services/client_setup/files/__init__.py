"""Configuration for one program each, by the client's key (``clients/*.toml``)."""

from collections.abc import Mapping

from mailclad.services.client_setup.files import (
    claws,
    curl,
    django,
    environment,
    evolution,
    geary,
    git_send_email,
    golang,
    home_assistant,
    laravel,
    nodemailer,
    php,
    printer,
    python,
)
from mailclad.services.client_setup.setup_file import Writer

FILES: Mapping[str, Writer] = {
    "claws": claws.write,
    "curl": curl.write,
    "django": django.write,
    "environment": environment.write,
    "evolution": evolution.write,
    "geary": geary.write,
    "git-send-email": git_send_email.write,
    "go": golang.write,
    "home-assistant": home_assistant.write,
    "laravel": laravel.write,
    "nodemailer": nodemailer.write,
    "phpmailer": php.write_phpmailer,
    "printer": printer.write,
    "python": python.write,
    "wordpress": php.write_wordpress,
}
