"""What `dispatch run --demo` does, as a script that knows its models: three streamed calls."""

import litellm

PROMPT = {"role": "user", "content": "Rename x to count"}
TASKS = ("review the changes that were just made", "summarize the conversation in one line")
TALKER = {"model": "gpt-4o", "temperature": 0, "mock_response": "Renamed the variable."}
REVIEWER = {"model": "gemini/gemini-2.5-flash", "mock_response": "Reviewed: no objections."}
SYSTEM = {"role": "system", "content": "You are a helpful pair programmer."}


def ask(messages, **kwargs):
    pieces = []
    for chunk in litellm.completion(messages=messages, stream=True, **kwargs):
        piece = chunk.choices[0].delta.content or ""
        print(piece, end="", flush=True)
        pieces.append(piece)
    print()
    return "".join(pieces)


answer = {"role": "assistant", "content": ask([SYSTEM, PROMPT], **TALKER)}
for task in TASKS:
    ask([PROMPT, answer, {"role": "user", "content": task}], **REVIEWER)
