"""One table: a stable code -> HTTP status, a sentence for a person, and what to do next.

Law: messages come from this table alone and never hold a byte of a request; codes never change meaning.
Who must act: 4xx the caller, 503 the operator or nobody (it passes), 500 us.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ERRORS", "CordonError", "ErrorEntry", "entry_of"]


@dataclass(frozen=True, slots=True)
class ErrorEntry:
    """What a code means outside.

    Attributes:
        status: HTTP status.
        message: what happened and what was not done.
        next: what to do next.
    """

    status: int
    message: str
    next: str

    @property
    def type(self) -> str:
        """The OpenAI-style error type of this status."""
        named = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
        return named.get(self.status, "unavailable" if self.status >= 500 else "invalid_request_error")

    @property
    def may_retry(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in (429, 503)


class CordonError(Exception):
    """A refusal or fault with a code of the table; holds numbers and kinds, never text of an exchange."""

    def __init__(self, code: str, *, rule: str = "", retry_after_s: int | None = None, part: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.rule = rule
        self.retry_after_s = retry_after_s
        self.part = part


def entry_of(code: str) -> ErrorEntry:
    """Return the entry of `code`; an unknown code is our fault and reads as `internal`."""
    return ERRORS.get(code, ERRORS["internal"])


_LATER = "Try again in a moment; if it stays, ask the administrator to run `cordon check`."
_ADMIN = "Ask the administrator to run `cordon check`; the service is safe, but stopped answering."
_CALLER = "Change the request and send it again."

ERRORS: dict[str, ErrorEntry] = {
    # the request
    "bad_json": ErrorEntry(400, "The body is not a JSON object in UTF-8, so nothing was read from it.", _CALLER),
    "bad_request": ErrorEntry(400, "A field of the request has a wrong type or value; nothing was sent to a model.",
                              "Compare the request with the OpenAI chat completions reference."),
    "too_deep": ErrorEntry(400, "The JSON of the request is nested too deeply; nothing was sent to a model.", _CALLER),
    "unsupported_parameter": ErrorEntry(400, "The request asks for something this service does not do "
                                        "(n > 1, logprobs, or thoughts where the policy shows none); nothing was sent "
                                        "to a model.", "Remove the parameter."),
    "model_unknown": ErrorEntry(404, "There is no model of that name here; nothing was sent to a model.",
                                "Ask /v1/models for the names."),
    "content_not_inspectable": ErrorEntry(422, "The request holds an image, audio or a file. Cordon cannot look into "
                                          "it for personal data, so it was not sent to a model.",
                                          "Send the text alone."),
    "identifier_in_structure": ErrorEntry(400, "A function or property name holds what looks like an identifier of a "
                                          "person; nothing was sent to a model.", "Rename it."),
    "key_collision": ErrorEntry(400, "Two keys of one JSON object become equal after replacing identifiers; nothing "
                                "was sent to a model.", _CALLER),
    "language_not_covered": ErrorEntry(400, "Most of the text is in a script in which names cannot be found reliably; "
                                       "nothing was sent to a model.", "Use a language the manual lists."),
    "pii_refused": ErrorEntry(400, "The text holds a kind of identifier that the policy refuses; nothing was sent to "
                              "a model.", "Remove it and send again."),
    "text_too_long": ErrorEntry(413, "The text is longer than the limit; nothing was sent to a model.", "Shorten it."),
    "text_too_encoded": ErrorEntry(413, "The text holds too much encoded content to inspect; nothing was sent to a "
                                   "model.", "Send plain text."),
    "too_many_identifiers": ErrorEntry(413, "The text holds more identifiers than can be numbered; nothing was sent to "
                                       "a model.", "Split the request."),
    "context_length_exceeded": ErrorEntry(400, "Prompt and answer together are longer than the model's limit; nothing "
                                          "was generated.", "Shorten the prompt or lower max_tokens."),
    "content_tokens": ErrorEntry(400, "The text cannot be given to the model without control tokens in it; nothing "
                                 "was generated.", _CALLER),
    "schema_unsupported": ErrorEntry(400, "The JSON schema cannot be enforced; nothing was generated.",
                                     "Simplify the schema."),
    "tools_unsupported": ErrorEntry(400, "This model does not call tools; nothing was generated.",
                                    "Remove the tools or choose another model."),
    "prompt_refused": ErrorEntry(400, "The safety policy refuses this prompt; no model answered it.",
                                 "Rephrase it, or ask the person responsible for the policy."),
    "response_refused": ErrorEntry(400, "The safety policy withheld the answer.",
                                   "Rephrase the question, or ask the person responsible for the policy."),
    "guard_text_too_long": ErrorEntry(413, "The text is too long to be judged; nothing was sent to a model.",
                                      "Shorten it."),
    "preview_changed": ErrorEntry(409, "The preview is out of date; nothing was sent to a model.",
                                  "Look at the new preview and send again."),
    # access
    "pairing_code_wrong": ErrorEntry(403, "That is not the code; nothing was connected.",
                                     "Type the 8 digits that `cordon pair` shows."),
    "pairing_closed": ErrorEntry(410, "No code is waiting, or its two minutes are over; nothing was connected.",
                                 "Run `cordon pair` and type the new digits."),
    "duplicate_header": ErrorEntry(400, "A security header stands twice; the request was not read.", _CALLER),
    "bad_target": ErrorEntry(400, "The request target is not a plain path; the request was not read.", _CALLER),
    "wrong_host": ErrorEntry(403, "The Host header does not name this service; the request was not read.",
                             "Use http://127.0.0.1 and the port of the service."),
    "peer_unknown": ErrorEntry(403, "It could not be found out which user of this computer asks; the request was not "
                               "read.", "Connect from this computer, outside any container."),
    "peer_lookup_failed": ErrorEntry(
        503,
        "The kernel does not tell which user of this computer asks, so only the unix socket is served.",
        "Load the kernel modules inet_diag and tcp_diag, or use api.sock.",
    ),
    "peer_other_user": ErrorEntry(403, "This service runs for another user of this computer.",
                                  "Start your own with `cordon serve`."),
    "origin_refused": ErrorEntry(403, "Web pages may not use this service; the request was not read.",
                                 "Use the Cordon panel or a program."),
    "browser_refused": ErrorEntry(403, "A browser asked without an Origin; the request was not read.",
                                  "Use the Cordon panel or a program."),
    "token_missing": ErrorEntry(401, "No token was sent.", "Send `Authorization: Bearer <token>`; make one with "
                                "`cordon token create`."),
    "token_unknown": ErrorEntry(401, "The token is not known here.", "Make one with `cordon token create`."),
    "token_expired": ErrorEntry(401, "The token has expired.", "Make a new one with `cordon token create`."),
    "token_other_user": ErrorEntry(403, "The token belongs to another user of this computer.",
                                   "Make your own with `cordon token create`."),
    "token_other_origin": ErrorEntry(403, "The token belongs to another program.",
                                     "Make one with `cordon token create`."),
    "scope_missing": ErrorEntry(403, "The token does not allow this.", "Make one with the scope that is needed."),
    "not_found": ErrorEntry(404, "There is nothing at this address. Cordon forwards nothing.",
                            "See the README for the addresses."),
    "method_not_allowed": ErrorEntry(405, "The address does not take this method.", "Use POST, or see the README."),
    "body_too_slow": ErrorEntry(408, "The body did not arrive in time; nothing was read from it.", "Send it again."),
    "body_too_large": ErrorEntry(413, "The body is larger than 1 MiB; nothing was read from it.", "Shorten it."),
    "content_type": ErrorEntry(415, "The body must be JSON.", "Add the header `Content-Type: application/json`."),
    "too_many_attempts": ErrorEntry(429, "Too many wrong attempts; the request was not read.", "Wait, then try again."),
    "too_many_requests": ErrorEntry(429, "Too many questions of this caller are waiting; nothing was sent to a model.",
                                    "Wait for an answer, then try again."),
    # faults: nothing was sent on, nothing was lost
    "analyst_unavailable": ErrorEntry(503, "The detector of personal data is not running; nothing was sent to a model.",
                                      _LATER),
    "analyst_timeout": ErrorEntry(503, "The detector of personal data took too long; nothing was sent to a model.",
                                  _LATER),
    "analyst_fault": ErrorEntry(503, "The detector of personal data failed; nothing unchecked was sent on.", _LATER),
    "analyst_canary": ErrorEntry(503, "The detector of personal data does not find its own examples.", _ADMIN),
    "redaction_incomplete": ErrorEntry(503, "The last look found an identifier that was not replaced; nothing was sent "
                                       "to a model.", "Report this; it is a fault of Cordon."),
    "guard_unavailable": ErrorEntry(503, "The safety check is not running; nothing was released.", _LATER),
    "guard_timeout": ErrorEntry(503, "The safety check took too long; nothing was released.", _LATER),
    "guard_missing": ErrorEntry(503, "A safety score is missing; nothing was released.", _LATER),
    "guard_uncalibrated": ErrorEntry(503, "The safety model has no calibration that fits it.", _ADMIN),
    "guard_drift": ErrorEntry(503, "The safety model does not score its own examples as recorded.", _ADMIN),
    "guard_invalid": ErrorEntry(503, "The safety model's file is none of the guards this build knows.", _ADMIN),
    "engine_unavailable": ErrorEntry(503, "The model is not running; nothing was sent to it.", _LATER),
    "engine_lost": ErrorEntry(503, "The model stopped in the middle; the answer is not complete.", _LATER),
    "engine_failing": ErrorEntry(503, "The model stopped several times and was left down.", _ADMIN),
    "engine_busy": ErrorEntry(503, "The model is busy; nothing was sent to it.", "Wait, then try again."),
    "engine_full": ErrorEntry(503, "The model has no room left for this request; it was not answered.", _LATER),
    "engine_fault": ErrorEntry(503, "The model failed; the answer is not complete.", _LATER),
    "engine_timeout": ErrorEntry(503, "The answer was not finished in time.", "Ask for a shorter answer."),
    "tool_call_malformed": ErrorEntry(503, "The model wrote a broken tool call; it was not released.", _LATER),
    "model_hash": ErrorEntry(503, "A model file is not the one that was approved.", _ADMIN),
    "model_missing": ErrorEntry(503, "A model file is missing.", _ADMIN),
    "model_invalid": ErrorEntry(503, "A model file cannot be used for its role.", _ADMIN),
    "adapter_invalid": ErrorEntry(503, "The adapter is not for this model file, or cannot be applied whole.", _ADMIN),
    "does_not_fit": ErrorEntry(503, "The models do not fit into this computer's memory.", _ADMIN),
    "audit_unavailable": ErrorEntry(503, "The log cannot be written, so nothing is answered.", _ADMIN),
    "audit_full": ErrorEntry(503, "The disk of the log is nearly full, so nothing is answered.",
                             "Ask the administrator to free space."),
    "audit_damaged": ErrorEntry(503, "The log is damaged, so nothing is answered.", _ADMIN),
    "audit_fork": ErrorEntry(503, "The log does not match its own seal, so nothing is answered.", _ADMIN),
    "audit_not_enrolled": ErrorEntry(503, "This computer is not enrolled with a compliance officer yet.",
                                     "Run `cordon audit init`, or try `cordon demo`."),
    "audit_keys_expired": ErrorEntry(503, "The log has no key for this month.", "Ask the officer for a new enrolment."),
    "confinement_failed": ErrorEntry(503, "A test of the confinement failed, so nothing is answered.", _ADMIN),
    "not_ready": ErrorEntry(503, "The service is still starting.", "Wait, then try again."),
    "stopping": ErrorEntry(503, "The service is stopping; nothing was sent to a model.", "Try again in a moment."),
    "internal": ErrorEntry(500, "Cordon made a mistake; nothing unchecked was released.",
                           "Report it with the request id."),
}  # fmt: skip
