#!/usr/bin/env escript
%% Echo server on gen_tcp (Debian 12: erlang-base, OTP 25): a process a
%% connection.
%%
%% Tuned: {active, once}, as inet(3) setopts/2 recommends for back-pressure;
%% listeners a port with as many acceptors as schedulers; +Q and +P make room
%% for the connections (erl(1), "Emulator Flags").
%%! -noinput +Q 1048576 +P 1048576
-mode(compile).

-define(USAGE, "usage: echo.escript [--tcp FIRST:COUNT] [--bind ADDRESS]").
-define(BACKLOG, 65535). % the kernel cuts it to somaxconn

main(Args) ->
    {First, Count, Address} = parse(Args, {10000, 200, {127, 0, 0, 1}}),
    Family = case tuple_size(Address) of 4 -> inet; 8 -> inet6 end,
    Options = [binary, Family, {ip, Address}, {active, false}, {reuseaddr, true}, {backlog, ?BACKLOG}, {nodelay, true}],
    lists:foreach(fun(Port) -> listen(Port, Options) end, lists:seq(First, First + Count - 1)),
    io:format("ready erlang tcp ~b:~b~n", [First, Count]),
    receive after infinity -> ok end. % SIGTERM ends the runtime, init(3)

parse([], Asked) ->
    Asked;
parse(["--tcp", Value | Rest], {_, _, Address}) ->
    {First, Count} = ports(Value),
    parse(Rest, {First, Count, Address});
parse(["--bind", Value | Rest], {First, Count, _}) ->
    case inet:parse_strict_address(Value) of
        {ok, Address} -> parse(Rest, {First, Count, Address});
        {error, _} -> bad("--bind \"~s\" is not an IP address", [Value])
    end;
parse(["--" ++ Flag | _], _) ->
    bad("unknown flag, or one without its value: --~s", [Flag]);
parse([Argument | _], _) ->
    bad("unexpected argument \"~s\"", [Argument]).

ports(Value) ->
    try [list_to_integer(Part) || Part <- string:split(Value, ":")] of
        [First, Count] when First >= 1, Count >= 1, First + Count =< 65536 -> {First, Count};
        _ -> bad_ports(Value)
    catch
        error:badarg -> bad_ports(Value)
    end.

bad_ports(Value) ->
    bad("invalid value \"~s\" for --tcp: want FIRST:COUNT within 1..65535, like 10000:200", [Value]).

bad(Format, Values) ->
    io:format(standard_error, "erlang: " ++ Format ++ "; " ++ ?USAGE ++ "~n", Values),
    halt(2).

listen(Port, Options) ->
    case gen_tcp:listen(Port, Options) of
        {ok, Listener} ->
            [spawn(fun() -> accept(Listener) end) || _ <- lists:seq(1, erlang:system_info(schedulers_online))];
        {error, Reason} ->
            io:format(standard_error, "erlang: listen on port ~b: ~s (~s)~n", [Port, Reason, inet:format_error(Reason)]),
            halt(1)
    end.

accept(Listener) ->
    case gen_tcp:accept(Listener) of
        {ok, Socket} ->
            Echo = spawn(fun() -> receive go -> echo(Socket) end end),
            ok = gen_tcp:controlling_process(Socket, Echo),
            Echo ! go;
        {error, _} -> % the fd limit, or a connection that is gone already
            timer:sleep(50)
    end,
    accept(Listener).

echo(Socket) ->
    inet:setopts(Socket, [{active, once}]),
    receive
        {tcp, Socket, Data} ->
            case gen_tcp:send(Socket, Data) of
                ok -> echo(Socket);
                {error, _} -> gen_tcp:close(Socket)
            end;
        {tcp_closed, Socket} -> ok;
        {tcp_error, Socket, _} -> gen_tcp:close(Socket)
    end.
