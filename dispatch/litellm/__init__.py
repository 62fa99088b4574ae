"""The boundary to LiteLLM: which keys pass, who answers, what can be known offline."""
