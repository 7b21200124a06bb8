"""The little of curl that the README uses, for machines that have none: `-H`, `-X`, `-d` and a URL."""

import argparse
import sys

import httpx


def main() -> None:
    """Send one request and print the body of the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-X", dest="method", default="GET")
    parser.add_argument("-d", dest="body")
    parser.add_argument("url")
    asked = parser.parse_args()
    headers = dict(header.split(": ", 1) for header in asked.headers)
    answer = httpx.request(asked.method, asked.url, headers=headers, content=asked.body)
    sys.stdout.write(answer.text)


if __name__ == "__main__":
    main()
