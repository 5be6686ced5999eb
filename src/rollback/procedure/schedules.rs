//! Random schedules: whatever happens in whatever order, nothing is sent that was not confirmed, and everything ends.

use super::{stage::*, *};
use crate::{domain::*, rollback::Observed, store::fixture::World};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Move {
    Answer(u8),
    OpenConfirm,
    CloseConfirm,
    Confirm,
    Stage(u8),
    Lost,
    Withheld,
    See(bool),
    Select(bool),
    Checks,
    Wait(i64),
    Read(u8),
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => (0u8..6).prop_map(Move::Answer),
        3 => Just(Move::OpenConfirm),
        1 => Just(Move::CloseConfirm),
        3 => Just(Move::Confirm),
        3 => (0u8..6).prop_map(Move::Stage),
        1 => Just(Move::Lost),
        1 => Just(Move::Withheld),
        2 => any::<bool>().prop_map(Move::See),
        1 => any::<bool>().prop_map(Move::Select),
        3 => Just(Move::Checks),
        2 => (1i64..40).prop_map(Move::Wait),
        2 => (0u8..4).prop_map(Move::Read),
    ]
}

struct Player {
    procedure: Procedure,
    at: i64,
    ops: u64,
    confirms: usize,
    acts: usize,
    round: u32,
}

impl Player {
    fn take(&mut self, wants: Vec<Want>, confirmed: bool) -> Result<(), TestCaseError> {
        for want in wants {
            match want {
                Want::Act(operation) => {
                    prop_assert!(confirmed, "a request without a confirmation: {operation:?}");
                    self.acts += 1;
                }
                Want::Prepare { round, .. } => self.round = round,
                Want::Ask(_) => {}
            }
        }
        Ok(())
    }

    fn play(&mut self, step: &Move, worlds: &[World; 2]) -> Result<(), TestCaseError> {
        let at = later(self.at);
        let id_of = op(self.ops);
        let mut confirmed = false;
        let wants = match step {
            Move::Answer(which) => match which {
                0 => self.procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(subject("t42")))), at),
                1 => {
                    let rows = revisions(&self.procedure.case.workload).to_vec();
                    self.procedure.answered(&Question::Revisions(id()), Ok(Answer::Revisions(rows)), at)
                }
                2 => self.procedure.answered(&Question::Subject(id()), no(), at),
                _ => self.procedure.tick(at),
            },
            Move::OpenConfirm => {
                let _ = self.procedure.open_confirm();
                Vec::new()
            }
            Move::CloseConfirm => {
                self.procedure.close_confirm();
                Vec::new()
            }
            Move::Confirm => {
                let open = state(&self.procedure) == "confirming";
                self.ops += 1;
                self.confirms += usize::from(open);
                confirmed = open;
                self.procedure.confirmed(op(self.ops), "why".into(), "me".into(), at)
            }
            Move::Stage(which) => {
                let stage = match which {
                    0 => Stage::Sending,
                    1 => accepted(),
                    2 => Stage::Conflict { what: "moved".into(), same: true },
                    3 => Stage::Conflict { what: "moved".into(), same: false },
                    4 => Stage::Refused { why: "no".into() },
                    _ => Stage::Unclear { why: "reset".into() },
                };
                self.procedure.staged(&id_of, stage, at)
            }
            Move::Lost => self.procedure.lost(&id_of, "gone".into(), at),
            Move::Withheld => {
                self.procedure.withheld(&id_of, "disk full".into());
                Vec::new()
            }
            Move::See(which) => self.procedure.observed(&Observed::of(&worlds[usize::from(*which)].0, &id()), at),
            Move::Select(older) => {
                if *older {
                    self.procedure.older(at)
                } else {
                    self.procedure.newer(at)
                }
            }
            Move::Checks => {
                self.procedure.prepared(self.round, Ok(()));
                Vec::new()
            }
            Move::Wait(seconds) => {
                self.at += seconds;
                self.procedure.tick(later(self.at))
            }
            Move::Read(which) => {
                let seen = match which {
                    0 => subject("t42"),
                    1 => Subject { operation: Some(crate::clean!("{id_of}")), ..subject("t41") },
                    2 => Subject { outline: outline(41), ..subject("t41") },
                    _ => subject("t99"),
                };
                self.procedure.answered(&Question::Subject(id()), Ok(Answer::Subject(Box::new(seen))), at)
            }
        };
        self.take(wants, confirmed)
    }
}

proptest! {
    #[test]
    fn no_schedule_sends_more_than_was_confirmed_and_every_one_ends(steps in prop::collection::vec(any_move(), 0..60)) {
        let worlds = [burning(), healed()];
        let (procedure, _) = begin(&worlds[0].0);
        let mut player = Player { procedure, at: 0, ops: 0, confirms: 0, acts: 0, round: 0 };
        for step in &steps {
            player.play(step, &worlds)?;
            prop_assert!(player.acts <= player.confirms);
        }
        let mut idle = 0;
        while player.procedure.wake(later(player.at)).is_some() {
            player.play(&Move::Wait(5), &worlds)?;
            idle += 1;
            prop_assert!(idle < 1_000, "it never ends: {}", state(&player.procedure));
        }
        let ended = state(&player.procedure);
        prop_assert!(matches!(ended, "planned" | "confirming" | "done" | "closed"), "it waits for nobody in {ended}");
        prop_assert!(player.acts <= player.confirms);
    }
}
