"""The patient session: pure flows, the journal before every act, views."""
