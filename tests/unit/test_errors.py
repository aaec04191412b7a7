from threadline_ops.errors import OpsError, PolicyError, SettingsError


def test_a_message_says_what_happened_which_value_and_what_to_do():
    error = PolicyError("the window must be positive", got=0, fix="set retention.keep_days")
    assert str(error) == "the window must be positive (got 0); set retention.keep_days"
    assert isinstance(error, SettingsError)
    assert isinstance(error, OpsError)
